package main

import (
	"bytes"
	"fmt"
	"time"
)

// picture is the history of a violation as a time line: the store above, the
// node below.
func (c *checker) picture() []byte {
	h := c.history()
	const width, left = 1200, 90
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="240" font-family="sans-serif" font-size="11">`+"\n", width+left+40)
	fmt.Fprintf(&b, `<text x="8" y="20" font-size="13">%s</text>`+"\n", escape(c.violation))
	rows := map[bool]int{true: 80, false: 160}
	for store, y := range rows {
		name := fmt.Sprintf("node %d/%d", c.node/nodes, c.node%nodes)
		if store {
			name = "store"
		}
		fmt.Fprintf(&b, `<text x="8" y="%d">%s</text><line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#999"/>`+"\n", y+4, name, left, y, left+width, y)
	}
	if len(h) == 0 {
		b.WriteString("</svg>\n")
		return b.Bytes()
	}
	from := h[0].at
	span := max(h[len(h)-1].at-from, time.Millisecond)
	colours := map[string]string{"commit": "#06c", "hit": "#c00", "load reads": "#888", "load ends": "#080", "write ends": "#a0a"}
	for i, m := range h {
		x := left + int(float64(m.at-from)/float64(span)*width)
		y := rows[m.node == -1]
		dy := 16 + 14*(i%4)
		if m.node == -1 {
			dy = -10 - 10*(i%3)
		}
		fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="4" fill="%s"><title>%v</title></circle><text x="%d" y="%d">%s v%d</text>`+"\n",
			x, y, colours[m.what], m.at, x-8, y+dy, m.what, m.v)
	}
	fmt.Fprintf(&b, `<text x="%d" y="235">%v</text><text x="%d" y="235">+%v</text>`+"\n</svg>\n", left, from, left+width-60, span)
	return b.Bytes()
}

func escape(s string) string {
	var b bytes.Buffer
	for _, r := range s {
		switch r {
		case '<':
			b.WriteString("&lt;")
		case '&':
			b.WriteString("&amp;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
