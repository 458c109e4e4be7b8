package storetest

import (
	"fmt"

	"github.com/anishathalye/porcupine"

	"github.com/whiskstore/whiskstore/store"
)

// call is one operation on one document as it went out.
type call struct {
	op    store.Op
	doc   string
	rev   string // empty creates
	value int    // what a Put writes, never 0
}

// reply is how a call ended. kind is 0 for success; a call whose reply is open
// may take effect at any time after it began, or never.
type reply struct {
	open  bool
	kind  store.Kind
	rev   string
	value int
}

// register is the state of one document: absent when value is 0. rev is empty
// while nobody has seen the revision of a write whose reply was lost.
type register struct {
	value int
	rev   string
}

// registers is the sequential specification of single documents, one partition
// per document.
var registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		var names []string
		byDoc := map[string][]porcupine.Operation{}
		for _, o := range history {
			doc := o.Input.(call).doc
			if byDoc[doc] == nil {
				names = append(names, doc)
			}
			byDoc[doc] = append(byDoc[doc], o)
		}
		parts := make([][]porcupine.Operation, len(names))
		for i, n := range names {
			parts[i] = byDoc[n]
		}
		return parts
	},
	Init: func() any { return register{} },
	Step: func(state, input, output any) (bool, any) {
		ok, next := state.(register).step(input.(call), output.(reply))
		return ok, next
	},
	DescribeOperation: func(input, output any) string {
		return input.(call).String() + " -> " + output.(reply).String()
	},
	DescribeState: func(state any) string {
		r := state.(register)
		if r.value == 0 {
			return "absent"
		}
		return fmt.Sprintf("value %d at %q", r.value, r.rev)
	},
}

// step reports whether the reply is right in this state, and the state after it.
func (r register) step(c call, out reply) (bool, register) {
	absent := r.value == 0
	at := !absent && c.rev == r.rev // a revision that nobody has seen is nobody's
	switch c.op {
	case store.OpGet:
		switch {
		case out.open:
			return true, r
		case out.kind == store.ErrNotFound:
			return absent, r
		case out.kind != 0 || absent || out.value != r.value || r.rev != "" && out.rev != r.rev:
			return false, r
		}
		return true, register{r.value, out.rev}
	case store.OpPut:
		applies := absent && c.rev == "" || c.rev != "" && at
		switch {
		case out.open && applies:
			return true, register{value: c.value}
		case out.open:
			return true, r
		case out.kind == store.ErrConflict:
			return !applies, r
		}
		return applies && out.kind == 0 && out.rev != "" && out.rev != r.rev, register{c.value, out.rev}
	}
	switch { // delete
	case out.open && at:
		return true, register{}
	case out.open:
		return true, r
	case out.kind == store.ErrNotFound:
		return absent, r
	case out.kind == store.ErrConflict:
		return !absent && !at, r
	}
	return out.kind == 0 && at, register{}
}

func (c call) String() string {
	switch {
	case c.op == store.OpPut && c.rev == "":
		return fmt.Sprintf("create %d", c.value)
	case c.op == store.OpPut:
		return fmt.Sprintf("update %q to %d", c.rev, c.value)
	case c.op == store.OpDelete:
		return fmt.Sprintf("delete %q", c.rev)
	}
	return string(c.op)
}

func (r reply) String() string {
	switch {
	case r.open:
		return "in doubt"
	case r.kind != 0:
		return r.kind.Error()
	case r.value != 0:
		return fmt.Sprintf("%d at %q", r.value, r.rev)
	}
	return fmt.Sprintf("ok %q", r.rev)
}
