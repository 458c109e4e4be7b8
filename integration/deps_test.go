package integration_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/whiskstore/whiskstore/"

// dependencyRules say what packages must not import outside their tests. Paths
// are prefixes of whole elements, of our own packages relative to the module.
// Packages that are there for tests (see forTests) are free.
var dependencyRules = []struct {
	in      []string // the packages that the rule is about; none is all
	except  []string // but not these
	ours    []string // packages of the module that they must not import
	others  []string // packages of others; "." is every one outside the standard library
	direct  bool     // only direct imports count
	because string
}{
	{in: []string{"store"}, except: []string{"store/attach", "store/config", "store/entity", "store/fault", "store/memory", "store/observe", "store/route", "store/softdelete", "store/stamp", "store/view"},
		others: []string{"."}, because: "the contract needs the standard library only, so that embedding it costs nothing"},
	{in: []string{"cosmos"}, ours: []string{"couch", "s3cdn", "store/memory"}, because: "backends do not know their siblings"},
	{in: []string{"couch"}, ours: []string{"cosmos", "s3cdn", "store/memory"}, because: "backends do not know their siblings"},
	{in: []string{"s3cdn"}, ours: []string{"cosmos", "couch", "store/memory"}, because: "backends do not know their siblings"},
	{except: []string{"store/config", "bridge/cmd", "cosmos", "couch", "s3cdn", "store/memory"},
		ours: []string{"cosmos", "couch", "s3cdn", "store/memory"}, because: "only configuration and commands choose a backend"},
	{in: []string{"cache", "bridge"}, except: []string{"bridge/kafka", "bridge/cmd"},
		others:  []string{"github.com/IBM/sarama", "github.com/Azure", "github.com/go-kivik", "github.com/aws"},
		because: "coherence and bridge speak the contract, not an SDK"},
	{ours: []string{"store/storetest", "store/fault", "cosmos/cosmostest", "couch/couchtest", "s3cdn/cdntest"}, direct: true,
		except: []string{"store/fault"}, because: "suites, faults and fakes are for tests"},
	{others: []string{"testing"}, because: "production code does not carry package testing"},
}

// forTests reports whether a package of ours is there for tests: an element of
// its path ends in "test".
func forTests(rel string) bool {
	for e := range strings.SplitSeq(rel, "/") {
		if strings.HasSuffix(e, "test") {
			return true
		}
	}
	return false
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// listPackages returns the packages of the root module. Commands and
// scenarios of the integration module are free to import what they like.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps=false", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var pkgs []goPackage
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func below(path string, prefixes []string) bool {
	for _, p := range prefixes {
		if path == p || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}

func TestDependencies(t *testing.T) {
	pkgs := listPackages(t)
	if len(pkgs) < 5 {
		t.Fatalf("go list found %d packages, expected the whole module", len(pkgs))
	}
	for _, r := range dependencyRules {
		applied := 0
		for _, p := range pkgs {
			rel := strings.TrimPrefix(p.ImportPath, module)
			if forTests(rel) || len(r.in) > 0 && !below(rel, r.in) || below(rel, r.except) {
				continue
			}
			applied++
			imports := p.Deps
			if r.direct {
				imports = p.Imports
			}
			for _, dep := range imports {
				own, isOurs := strings.CutPrefix(dep, module)
				foreign := !isOurs && strings.Contains(strings.SplitN(dep, "/", 2)[0], ".")
				if isOurs && below(own, r.ours) || below(dep, r.others) || foreign && below(".", r.others) {
					t.Errorf("%s imports %s: %s", rel, dep, r.because)
				}
			}
		}
		if applied == 0 && len(r.in) > 0 && r.in[0] == "store" {
			t.Errorf("no package is held to: %s", r.because)
		}
	}
}
