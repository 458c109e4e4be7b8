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

// dependencyRules say what a package, and all below it, must not import outside
// its tests. A prefix ends in a slash or names one package.
var dependencyRules = []struct {
	in      string   // packages the rule is about, relative to the module; "" is all
	except  []string // prefixes below in that may
	not     []string // import path prefixes, relative to the module when they start with "./"
	direct  bool     // the rule is about direct imports only
	because string
}{
	{in: "store", not: []string{"./", "github.com/", "go.", "golang.org/", "google.golang.org/", "gopkg.in/"}, except: []string{"store/"},
		because: "the contract needs the standard library only, so that embedding it costs nothing"},
	{in: "cosmos/", not: []string{"./couch", "./s3cdn", "./store/memory"}, because: "backends do not know their siblings"},
	{in: "couch/", not: []string{"./cosmos", "./s3cdn", "./store/memory"}, because: "backends do not know their siblings"},
	{in: "s3cdn/", not: []string{"./cosmos", "./couch", "./store/memory"}, because: "backends do not know their siblings"},
	{in: "store/memory/", not: []string{"./cosmos", "./couch", "./s3cdn"}, because: "backends do not know their siblings"},
	{in: "cache/", not: []string{"github.com/IBM/sarama", "github.com/Azure/", "github.com/go-kivik/", "github.com/aws/"},
		because: "coherence is independent of broker and database"},
	{in: "bridge/", except: []string{"bridge/kafka/", "bridge/cmd/"}, not: []string{"github.com/IBM/sarama", "github.com/Azure/", "github.com/go-kivik/", "github.com/aws/"},
		because: "the bridge speaks the contract, not an SDK"},
	{in: "", except: []string{"store/config/", "bridge/cmd/", "cosmos/", "couch/", "s3cdn/", "store/memory/"},
		not: []string{"./cosmos", "./couch", "./s3cdn", "./store/memory"}, because: "only configuration and commands choose a backend"},
	{in: "", except: []string{"store/storetest/"}, not: []string{"./store/storetest", "./store/fault", "./cosmos/cosmostest", "./couch/couchtest", "./s3cdn/cdntest"}, direct: true,
		because: "suites, faults and fakes are for tests"},
	{in: "", except: []string{"store/storetest/", "cosmos/cosmostest/", "couch/couchtest/", "s3cdn/cdntest/"}, not: []string{"testing"}, because: "production code does not carry package testing"},
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

// below reports whether path is prefix or lies below it. A prefix that ends in
// a slash covers the package of that name too.
func below(path, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return prefix == "" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

func TestDependencies(t *testing.T) {
	pkgs := listPackages(t)
	if len(pkgs) < 5 {
		t.Fatalf("go list found %d packages, expected the whole module", len(pkgs))
	}
	for _, r := range dependencyRules {
		for _, p := range pkgs {
			rel := strings.TrimPrefix(p.ImportPath, module)
			if r.in == "store" && rel != "store" || !below(rel, r.in) || exempt(rel, r.except) {
				continue
			}
			imports := p.Deps
			if r.direct {
				imports = p.Imports
			}
			for _, dep := range imports {
				if dep != p.ImportPath && forbidden(dep, r.not) {
					t.Errorf("%s imports %s: %s", rel, dep, r.because)
				}
			}
		}
	}
}

func exempt(rel string, except []string) bool {
	for _, e := range except {
		if strings.HasSuffix(e, "/") && rel != "store" && below(rel, e) {
			return true
		}
	}
	return false
}

func forbidden(dep string, not []string) bool {
	for _, n := range not {
		if own, ok := strings.CutPrefix(n, "./"); ok {
			rel, ours := strings.CutPrefix(dep, module)
			if ours && below(rel, own) && !strings.HasPrefix(rel, "store/internal/") {
				return true
			}
		} else if strings.HasSuffix(n, "/") && strings.HasPrefix(dep, n) || strings.HasSuffix(n, ".") && strings.HasPrefix(dep, n) || dep == n || strings.HasPrefix(dep, n+"/") {
			return true
		}
	}
	return false
}
