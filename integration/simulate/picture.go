package simulate

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// Picture draws the minimised history as a time line in SVG: the store above,
// the node below, one line of text per event. It returns nil for a run without
// a violation.
func (r *Result) Picture() []byte {
	if r.Minimal == nil {
		return nil
	}
	const left, lane, top, row, width = 110, 230, 78, 17, 900
	h := r.Minimal.History
	height := top + row*(len(h)+1) + 20
	var b strings.Builder
	text := func(x, y int, style, s string) {
		fmt.Fprintf(&b, `<text x="%d" y="%d"%s>`, x, y, style)
		_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
		b.WriteString("</text>\n")
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	v := r.Minimal.Violation
	text(12, 22, ` font-size="14" font-weight="bold"`, v.Text)
	text(12, 42, ` fill="#555"`, fmt.Sprintf("seed %d, rules off: %s, document %d, at %v", r.Seed, r.Off, v.Doc, v.At))
	for i, name := range []string{"store", fmt.Sprintf("node %d", v.Node)} {
		x := left + i*lane
		text(x-6, top-14, ` font-weight="bold"`, name)
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#bbb"/>`+"\n", x, top-8, x, height-20)
	}
	for i, m := range h {
		y := top + row*(i+1)
		x, colour := left, "#0b62c4"
		if m.Node != nowhere {
			x, colour = left+lane, colourOf(m.What)
		}
		text(12, y, ` fill="#555"`, m.At.Round(100*time.Microsecond).String())
		fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="4" fill="%s"/>`+"\n", x, y-4, colour)
		text(x+10, y, "", m.String())
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// String is what happened, without time and place.
func (m Moment) String() string {
	if m.Version == 0 {
		return m.What
	}
	return fmt.Sprintf("%s v%d", m.What, m.Version)
}

func colourOf(what string) string {
	switch {
	case strings.HasSuffix(what, " arrives"):
		return "#777"
	case strings.Contains(what, "hit"):
		return "#c21515"
	case strings.Contains(what, "lost"), strings.Contains(what, "loss"), strings.Contains(what, "damaged"):
		return "#e08a00"
	case strings.HasPrefix(what, "load"), strings.HasPrefix(what, "derived"), strings.HasPrefix(what, "read"):
		return "#2d8a34"
	case strings.HasPrefix(what, "write "):
		return "#8a2d83"
	}
	return "#777"
}
