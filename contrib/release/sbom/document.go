package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// document is a bill of materials of CycloneDX 1.5
// (https://cyclonedx.org/docs/1.5/json).
type document struct {
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	PURL    string `json:"purl,omitempty"`
	Hashes  []hash `json:"hashes,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

func newDocument(name, version string, t time.Time) *document {
	return &document{
		Format:      "CycloneDX",
		SpecVersion: "1.5",
		Version:     1,
		Metadata: metadata{
			Timestamp: t.UTC().Format(time.RFC3339),
			Component: component{Type: "application", Ref: name, Name: name, Version: version},
		},
	}
}

// addBinary adds the file with its SHA-256, and the modules it was linked from.
func (d *document) addBinary(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	base := filepath.Base(file)
	sum := sha256.Sum256(content)
	d.add(component{Type: "file", Ref: "file:" + base, Name: base, Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}}})
	return d.addModules(file)
}

// addModules adds the modules that a Go binary was linked from, and the standard
// library.
func (d *document) addModules(file string) error {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	purl := "pkg:golang/std@" + version
	d.add(component{Type: "library", Ref: purl, Name: "std", Version: version, PURL: purl})
	for _, module := range info.Deps {
		c, err := moduleComponent(module)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		d.add(c)
	}
	return nil
}

// moduleComponent returns the component for a module, or for its replacement. The
// checksum is that of go.sum, which is a SHA-256 of the names and sums of its files.
func moduleComponent(module *debug.Module) (component, error) {
	if module.Replace != nil {
		module = module.Replace
	}
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(module.Sum, "h1:"))
	if err != nil || len(sum) != sha256.Size {
		return component{}, fmt.Errorf("module %s has the checksum %q", module.Path, module.Sum)
	}
	purl := "pkg:golang/" + module.Path + "@" + module.Version
	return component{Type: "library", Ref: purl, Name: module.Path, Version: module.Version, PURL: purl,
		Hashes: []hash{{"SHA-256", hex.EncodeToString(sum)}}}, nil
}

// addLibrary adds a C library, given as NAME=VERSION. A version with a hyphen is
// that of a Debian source package.
func (d *document) addLibrary(library string) error {
	name, version, found := strings.Cut(library, "=")
	if !found || name == "" || version == "" {
		return fmt.Errorf("library %q isn't NAME=VERSION", library)
	}
	purl := "pkg:generic/" + name + "@" + version
	if strings.Contains(version, "-") {
		purl = "pkg:deb/debian/" + name + "@" + strings.ReplaceAll(version, "+", "%2B") + "?arch=source"
	}
	d.add(component{Type: "library", Ref: purl, Name: name, Version: version, PURL: purl})
	return nil
}

// add adds a component, unless it is there already.
func (d *document) add(c component) {
	if !slices.ContainsFunc(d.Components, func(other component) bool { return other.Ref == c.Ref }) {
		d.Components = append(d.Components, c)
	}
}

// finish orders the components, and lets the product depend on all of them.
func (d *document) finish() *document {
	slices.SortFunc(d.Components, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	product := dependency{Ref: d.Metadata.Component.Ref}
	for _, c := range d.Components {
		product.DependsOn = append(product.DependsOn, c.Ref)
	}
	d.Dependencies = []dependency{product}
	return d
}
