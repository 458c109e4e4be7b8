package cosmostest

import (
	"net/http"
	"strings"
)

// answer serves a request that no fault replaced.
func (x *exchange) answer() *reply {
	if x.Method == http.MethodOptions {
		return &reply{status: http.StatusForbidden, body: []byte(`{"code":"Forbidden"}`), charge: -1}
	}
	if !x.known {
		return x.badRequest(textURL)
	}
	if r := x.authorize(); r != nil {
		return r
	}
	if r := x.checkRegion(); r != nil {
		return r
	}
	if r := x.checkConsistency(); r != nil {
		return r
	}
	if x.Operation == UnknownOperation {
		return x.failure(http.StatusMethodNotAllowed, 0, formGateway, "The requested verb is not supported.", -1)
	}
	if len(x.path) >= 5 {
		return x.answerContainer()
	}
	return x.answerResource()
}

// answerResource serves operations on the account, databases, containers and offers.
func (x *exchange) answerResource() *reply {
	switch x.Operation {
	case ReadAccount:
		return x.readAccount()
	case CreateDatabase:
		return x.createDatabase()
	case ReadDatabase:
		return x.readDatabase()
	case ListDatabases, QueryDatabases:
		return x.listDatabases()
	case DeleteDatabase:
		return x.deleteDatabase()
	case CreateContainer:
		return x.createContainer()
	case ReadContainer:
		return x.readContainer()
	case ReplaceContainer:
		return x.replaceContainer()
	case ListContainers, QueryContainers:
		return x.listContainers()
	case DeleteContainer:
		return x.deleteContainer()
	case ListOffers, QueryOffers:
		return x.listOffers()
	case ReadOffer:
		return x.readOffer()
	case ReplaceOffer:
		return x.replaceOffer()
	}
	return x.badRequest(textURL)
}

// answerContainer serves operations inside a container.
func (x *exchange) answerContainer() *reply {
	c := x.s.findContainer(x.Database, x.Container)
	if c == nil {
		return x.ownerNotFound()
	}
	switch x.Operation {
	case ReadRanges:
		return x.readRanges(c)
	case CreateItem, UpsertItem:
		return x.createItem(c)
	case ReadItem:
		return x.readItem(c)
	case ReplaceItem:
		return x.replaceItem(c)
	case DeleteItem:
		return x.deleteItem(c)
	case PatchItem:
		return x.patchItem(c)
	case Batch:
		return x.batch(c)
	case QueryItems:
		return x.queryItems(c)
	case QueryPlan:
		return x.queryPlan()
	case ListItems:
		return x.listItems(c)
	case ReadChangeFeed:
		return x.readChangeFeed(c)
	}
	return x.badRequest(textURL)
}

func (x *exchange) ownerNotFound() *reply {
	sub := 0
	if x.s.opts.Switches.Owner1003 {
		sub = 1003
	}
	return x.master(x.failure(http.StatusNotFound, sub, formErrors, textOwner, 2))
}

// master marks an answer as one of the master partition.
func (x *exchange) master(r *reply) *reply {
	r.backend = true
	r.lsn = x.s.master.Load()
	r.token = "0:-1#" + itoa(r.lsn)
	return r
}

// badMaster is a bad request that the master partition answers.
func (x *exchange) badMaster(sentence string) *reply {
	return x.master(x.failure(http.StatusBadRequest, 0, formErrors, sentence, 1.24))
}

// checkRegion refuses what the addressed region does not serve.
func (x *exchange) checkRegion() *reply {
	top := x.s.top.Load()
	if top.find(x.region.name) != x.region {
		id := x.s.opts.Account + "-" + foldRegion(x.region.name)
		r := x.failure(http.StatusForbidden, 1008, formBare, "", -1)
		r.body = []byte(`{"code":"Forbidden","message":"Database Account ` + id + ` does not exist","writableLocations":[],"readableLocations":[],"id":"` + id + `"}`)
		return r
	}
	if !x.Operation.IsWrite() || x.region == top.hub() {
		return nil
	}
	allowed := isTrue(x.Header.Get("X-Ms-Cosmos-Allow-Tentative-Writes")) || x.s.opts.Switches.TentativeWritesOptional
	if top.multi && len(x.path) >= 5 && allowed {
		return nil
	}
	r := x.failure(http.StatusForbidden, 3, formErrors, "The requested operation cannot be performed at this region", -1)
	if x.s.opts.Switches.WriteForbiddenCode {
		r.body = []byte(strings.Replace(string(r.body), `"Forbidden"`, `"WriteForbidden"`, 1))
	}
	return r
}

// strength orders consistency levels, weakest first; -1 is no level.
func strength(level string) int {
	for i, name := range []string{"Eventual", "ConsistentPrefix", "Session", "BoundedStaleness", "Strong"} {
		if strings.EqualFold(name, level) {
			return i
		}
	}
	return -1
}

func (x *exchange) checkConsistency() *reply {
	asked := x.Header.Get("X-Ms-Consistency-Level")
	if asked == "" || strength(asked) >= 0 && strength(asked) <= strength(x.s.opts.Consistency) {
		return nil
	}
	return x.badRequest("ConsistencyLevel " + asked + " specified in the request is invalid when service is configured with consistency level " +
		x.s.opts.Consistency + ". Ensure the request consistency level is not stronger than the service consistency level.")
}
