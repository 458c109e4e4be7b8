package main

import (
	"strings"
	"testing"
)

func TestSummarise(t *testing.T) {
	for _, tc := range []struct {
		name, events string
		ok           bool
		want         []string
		not          string
	}{
		{"passed", `{"Action":"output","Package":"p","Test":"T","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"T"}
{"Action":"pass","Package":"p","Elapsed":1.5}`, true, []string{"ok   p", "1 passed, 0 failed, 0 skipped"}, "noise"},
		{"failed", `{"Action":"output","Package":"p","Test":"T","Output":"why\n"}
{"Action":"fail","Package":"p","Test":"T"}
{"Action":"fail","Package":"p"}`, false, []string{"why", "FAIL p", "0 passed, 1 failed"}, ""},
		{"skipped", `{"Action":"output","Package":"p","Test":"T","Output":"set X\n"}
{"Action":"skip","Package":"p","Test":"T"}
{"Action":"pass","Package":"p","Test":"U"}`, true, []string{"set X", "1 passed, 0 failed, 1 skipped"}, ""},
		{"does not build", `{"ImportPath":"p","Action":"build-output","Output":"undefined: x\n"}
{"ImportPath":"p","Action":"build-fail"}`, false, []string{"undefined: x", "0 passed"}, ""},
		{"nothing ran", ``, false, []string{"0 passed"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := summarise(strings.NewReader(tc.events), &out)
			if err != nil || ok != tc.ok {
				t.Errorf("got %v and %v, want %v", ok, err, tc.ok)
			}
			for _, want := range tc.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("output lacks %q:\n%s", want, out.String())
				}
			}
			if tc.not != "" && strings.Contains(out.String(), tc.not) {
				t.Errorf("output holds %q:\n%s", tc.not, out.String())
			}
		})
	}
}
