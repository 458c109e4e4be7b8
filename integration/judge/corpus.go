package judge

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// Document is a document of the corpus as OpenWhisk writes it, without revision.
type Document struct {
	ID   string
	Body map[string]any // without `_id`
}

// JSON returns the body as JSON.
func (d Document) JSON() json.RawMessage {
	raw, err := json.Marshal(d.Body)
	if err != nil {
		panic(err) // the corpus holds nothing that JSON cannot
	}
	return raw
}

// The namespaces of a corpus. Documents of Regular are what upstream writes, no
// two of a collection with the same order member; those of Ties share order
// members; those of Odd are what old versions, other tools and mishaps leave.
const (
	Regular = "guest"
	Second  = "team"
	Ties    = "ties"
	Odd     = "odd"
)

// epoch is the smallest order member of a corpus, in ms.
const epoch = 1_700_000_000_000

// Corpus returns the documents of a collection (whisks, activations or
// subjects), in random order. The same seed gives the same documents. It panics
// when the collection is none of the three.
func Corpus(collection string, seed uint64) []Document {
	g := &generator{rnd: rand.New(rand.NewPCG(seed, 1)), next: epoch}
	switch collection {
	case "whisks":
		g.whisks()
	case "activations":
		g.activations()
	case "subjects":
		g.subjects()
	default:
		panic("judge: no collection " + collection)
	}
	g.rnd.Shuffle(len(g.docs), func(i, j int) { g.docs[i], g.docs[j] = g.docs[j], g.docs[i] })
	return g.docs
}

type object = map[string]any

type generator struct {
	rnd  *rand.Rand
	next int64 // the next order member
	docs []Document
}

func (g *generator) add(id string, body object) {
	g.docs = append(g.docs, Document{ID: id, Body: body})
}

// time returns a fresh order member.
func (g *generator) time() int64 {
	g.next += 1 + g.rnd.Int64N(1000)
	return g.next
}

func pick[T any](g *generator, values ...T) T { return values[g.rnd.IntN(len(values))] }

func with(o object, more object) object {
	for k, v := range more {
		o[k] = v
	}
	return o
}

func without(o object, names ...string) object {
	for _, n := range names {
		delete(o, n)
	}
	return o
}

func (g *generator) annotations(kind string) []any {
	list := []any{}
	if kind != "" {
		list = append(list, object{"key": "exec", "value": kind})
	}
	if g.rnd.IntN(2) == 0 {
		list = append(list, object{"key": "description", "value": "naïve <b>text</b> & \u2028 \"quotes\""})
	}
	if g.rnd.IntN(3) == 0 {
		list = append(list, object{"key": "parameters", "value": []any{object{"name": "n", "required": true, "default": nil}}})
	}
	return list
}

// entity is what all entities share.
func (g *generator) entity(kind, namespace, name string) object {
	return object{
		"namespace": namespace, "name": name, "version": fmt.Sprintf("0.0.%d", 1+g.rnd.IntN(9)),
		"publish": g.rnd.IntN(2) == 0, "annotations": g.annotations(""), "updated": g.time(), "entityType": kind,
	}
}

func (g *generator) action(namespace, name string) object {
	exec := pick(g,
		object{"kind": "nodejs:20", "binary": false, "code": object{
			"attachmentName": "s3:1c6f6d7e-0b5f-4c8e-9f57-0f5f4a6b7c11", "attachmentType": "text/plain; charset=UTF-8",
			"length": 20480, "digest": "sha256-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}},
		object{"kind": "python:3", "binary": true, "code": "UEsDBA==", "main": "main"},
		object{"kind": "blackbox", "image": "example/image", "binary": false},
		object{"kind": "sequence", "components": []any{"/" + namespace + "/a", "/" + namespace + "/utils/b"}},
	)
	return with(g.entity("action", namespace, name), object{
		"exec": exec, "parameters": []any{object{"key": "greeting", "value": "hi"}}, "annotations": g.annotations(exec["kind"].(string)),
		"limits": object{"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1},
	})
}

func (g *generator) trigger(namespace, name string) object {
	return with(g.entity("trigger", namespace, name), object{
		"parameters": []any{}, "limits": object{},
		"rules": object{namespace + "/onTick": object{"action": object{"path": namespace, "name": "hello"}, "status": "active"}},
	})
}

func (g *generator) rule(namespace, name string) object {
	return with(g.entity("rule", namespace, name), object{
		"trigger": object{"path": namespace, "name": "tick"}, "action": object{"path": namespace, "name": "hello"},
	})
}

func (g *generator) pkg(namespace, name string, binding object) object {
	return with(g.entity("package", namespace, name), object{"binding": binding, "parameters": []any{}})
}

func (g *generator) whisks() {
	for _, ns := range []string{Regular, Second} {
		for i := range 12 {
			pkg := fmt.Sprintf("pkg%d", i)
			binding := pick(g, object{}, object{"namespace": "whisk.system", "name": "utils"})
			g.add(ns+"/"+pkg, g.pkg(ns, pkg, binding))
			for j := range g.rnd.IntN(3) {
				name := fmt.Sprintf("inner%d", j)
				g.add(ns+"/"+pkg+"/"+name, g.action(ns+"/"+pkg, name))
			}
			for _, kind := range []string{"action", "trigger", "rule"} {
				name := fmt.Sprintf("%s %d", kind, i) // a space is legal in a name
				build := map[string]func(string, string) object{"action": g.action, "trigger": g.trigger, "rule": g.rule}[kind]
				g.add(ns+"/"+name, build(ns, name))
			}
		}
	}
	for i := range 6 {
		name := fmt.Sprintf("same%d", i)
		g.add(Ties+"/"+name, with(g.action(Ties, name), object{"updated": epoch + int64(i/3)}))
	}
	// The name is part of the namespace without being below it.
	g.add(Regular+"2/hello", g.action(Regular+"2", "hello"))

	g.add(Odd+"/plain", g.action(Odd, "plain"))
	g.add(Odd+"/noBinary", with(g.action(Odd, "noBinary"), object{"exec": object{"kind": "nodejs:20"}}))
	g.add(Odd+"/nullBinary", with(g.action(Odd, "nullBinary"), object{"exec": object{"kind": "nodejs:20", "binary": nil}}))
	g.add(Odd+"/noLimits", without(g.action(Odd, "noLimits"), "limits", "version", "annotations"))
	g.add(Odd+"/noUpdated", without(g.action(Odd, "noUpdated"), "updated"))
	g.add(Odd+"/textUpdated", with(g.action(Odd, "textUpdated"), object{"updated": "2023-11-14T22:13:20Z"}))
	g.add(Odd+"/noExec", without(g.action(Odd, "noExec"), "exec"))
	g.add(Odd+"/noType", without(g.action(Odd, "noType"), "entityType"))
	g.add(Odd+"/noTypeTrigger", without(g.trigger(Odd, "noTypeTrigger"), "entityType"))
	g.add(Odd+"/noParameters", without(g.trigger(Odd, "noParameters"), "parameters"))
	g.add(Odd+"/noTrigger", without(g.rule(Odd, "noTrigger"), "trigger"))
	g.add(Odd+"/noBinding", without(g.pkg(Odd, "noBinding", nil), "binding"))
	g.add(Odd+"/falseBinding", with(g.pkg(Odd, "falseBinding", nil), object{"binding": false, "publish": true}))
	g.add(Odd+"/published", with(g.pkg(Odd, "published", object{}), object{"publish": true}))
}

func (g *generator) activation(namespace, name string, annotations ...any) Document {
	id := fmt.Sprintf("%016x%016x", g.rnd.Uint64(), g.rnd.Uint64())
	start := g.time()
	body := object{
		"namespace": namespace, "name": name, "subject": namespace, "activationId": id, "version": "0.0.2", "publish": false,
		"start": start, "end": start + g.rnd.Int64N(60000), "duration": 7, // views compute it, whatever is stored
		"response": object{"statusCode": g.rnd.IntN(4), "result": object{"ok": true}, "size": 11},
		"logs":     []any{"2023-11-14T22:13:20Z stdout: hi"}, "updated": start + 100, "entityType": "activation",
		"annotations": append([]any{object{"key": "kind", "value": pick(g, "nodejs:20", "sequence")}}, annotations...),
	}
	if g.rnd.IntN(3) == 0 {
		body["cause"] = fmt.Sprintf("%016x%016x", g.rnd.Uint64(), g.rnd.Uint64())
	}
	return Document{ID: namespace + "/" + id, Body: body}
}

func annotation(key string, value any) object { return object{"key": key, "value": value} }

func (g *generator) activations() {
	for _, ns := range []string{Regular, Second} {
		for range 30 {
			name := pick(g, "hello", "goodbye")
			path := pick(g, ns+"/"+name, ns+"/utils/"+name, "whisk.system/samples/"+name)
			d := g.activation(ns, name, annotation("path", path), annotation("waitTime", 5))
			switch g.rnd.IntN(4) {
			case 0: // a trigger's activation never ends
				d.Body["end"] = 0
			case 1:
				delete(d.Body["response"].(object), "statusCode")
			}
			g.docs = append(g.docs, d)
		}
	}
	for i := range 6 {
		d := g.activation(Ties, "hello")
		d.Body["start"] = epoch + int64(i/3)
		g.docs = append(g.docs, d)
	}
	odd := func(annotations []any, more object, missing ...string) {
		d := g.activation(Odd, "hello", annotations...)
		g.docs = append(g.docs, Document{ID: d.ID, Body: without(with(d.Body, more), missing...)})
	}
	odd(nil, nil)
	odd(nil, nil, "end", "response")
	odd(nil, nil, "annotations", "version")
	odd(nil, nil, "start")
	odd(nil, object{"start": "2023-11-14T22:13:20Z"})
	odd(nil, object{"cause": nil})
	odd([]any{annotation("path", Odd+"/utils/hello"), annotation("binding", Odd+"/bound")}, nil)
	odd([]any{annotation("path", Odd+"/first/hello"), annotation("path", Odd+"/last/hello")}, nil)
	odd([]any{annotation("path", Odd+"/a/b/hello")}, nil)
}

func (g *generator) subject(id string, namespaces ...string) object {
	list := []any{}
	for _, ns := range namespaces {
		list = append(list, object{"name": ns, "uuid": "uuid-" + ns, "key": "key-" + ns})
	}
	return object{"subject": id, "namespaces": list}
}

func (g *generator) subjects() {
	for i := range 12 {
		id := fmt.Sprintf("user%d", i)
		namespaces := []string{id}
		for j := range g.rnd.IntN(3) {
			namespaces = append(namespaces, fmt.Sprintf("%s_ns%d", id, j))
		}
		body := g.subject(id, namespaces...)
		if g.rnd.IntN(3) == 0 {
			body["blocked"] = g.rnd.IntN(2) == 0
		}
		g.add(id, body)
		for _, ns := range namespaces {
			if g.rnd.IntN(2) == 0 {
				g.add(ns+"/limits", object{
					"invocationsPerMinute": pick(g, 0, 60), "concurrentInvocations": pick(g, 0, 30), "firesPerMinute": 0,
					"allowedKinds": []any{"nodejs:20"}, "maxParameterSize": "1 MB"})
			}
		}
	}
	// Keys of one namespace and uuids of another never match together.
	g.add("crossed", object{"subject": "crossed", "namespaces": []any{
		object{"name": "crossed1", "uuid": "uuid-x1", "key": "key-x2"}, object{"name": "crossed2", "uuid": "uuid-x2", "key": "key-x1"}}})

	g.add("legacy", object{"subject": "legacy", "uuid": "uuid-legacy", "key": "key-legacy"})
	g.add("both", with(g.subject("both", "both1", "both2"), object{"uuid": "uuid-both", "key": "key-both"}))
	g.add("twice", g.subject("twice", "twice", "twice"))
	g.add("truthy", with(g.subject("truthy", "truthy"), object{"blocked": "yes"}))
	g.add("truthy/limits/old", object{"invocationsPerMinute": 0})
	g.add("inner/limits", object{"concurrentInvocations": 0})
}
