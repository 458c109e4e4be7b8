// Command testsummary reads the output of go test -json and prints what a
// person wants to see of it: the output of what failed, a line for each package,
// and how many tests passed, failed and were skipped. It exits with 1 when a
// test or a package failed, or when there was no test at all.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

type event struct {
	Action  string
	Package string
	// ImportPath stands in for Package in what the build prints.
	ImportPath string
	Test       string
	Output     string
	Elapsed    float64
}

type key struct{ pkg, test string }

func main() {
	ok, err := summarise(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func summarise(r io.Reader, w io.Writer) (ok bool, err error) {
	outputs := map[key]*strings.Builder{}
	var passed, failed, skipped, broken int
	in := bufio.NewScanner(r)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var e event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			continue // build output of older toolchains is plain text
		}
		if e.Package == "" {
			e.Package = e.ImportPath
		}
		k := key{e.Package, e.Test}
		switch e.Action {
		case "output", "build-output":
			if outputs[k] == nil {
				outputs[k] = new(strings.Builder)
			}
			outputs[k].WriteString(e.Output)
		case "build-fail":
			fmt.Fprint(w, text(outputs[k]))
			broken++
		case "pass", "fail", "skip":
			switch {
			case e.Test == "" && e.Action == "fail":
				broken++
				fmt.Fprintf(w, "%sFAIL %s\n", text(outputs[k]), e.Package)
			case e.Test == "" && e.Action == "pass":
				fmt.Fprintf(w, "ok   %-70s %6.1fs\n", e.Package, e.Elapsed)
			case e.Test == "":
			case e.Action == "pass":
				passed++
			case e.Action == "skip":
				skipped++
				fmt.Fprintf(w, "%s", text(outputs[k]))
			default:
				failed++
				fmt.Fprintf(w, "%s", text(outputs[k]))
			}
			delete(outputs, k)
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	return failed == 0 && broken == 0 && passed > 0, in.Err()
}

func text(b *strings.Builder) string {
	if b == nil {
		return ""
	}
	return b.String()
}
