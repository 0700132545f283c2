// Command sbom prints the software bill of materials of Go binaries as CycloneDX
// JSON: the modules that each of them was linked from, with their checksums, the Go
// release, and the C libraries that are named by flags. Equal arguments and files
// print equal bytes: there is no serial number, and the time is a flag.
//
//	sbom -name NAME -version VERSION -time SECONDS [-library NAME=VERSION]… [-embedded FILE]… FILE…
//
// The binaries are components of their own. An embedded program is contained in a
// binary, and adds its modules only.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// list is a flag that may be repeated.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

func run(args []string, output io.Writer) error {
	var libraries, embedded list
	flags := flag.NewFlagSet("sbom", flag.ContinueOnError)
	name := flags.String("name", "", "the name of the product")
	version := flags.String("version", "", "the version of the product")
	seconds := flags.Int64("time", 0, "the time of the document, in seconds since 1970")
	flags.Var(&libraries, "library", "a C library that is linked, as NAME=VERSION")
	flags.Var(&embedded, "embedded", "a Go program that the binaries embed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *name == "" || *version == "" || flags.NArg() == 0 {
		return fmt.Errorf("a name, a version and a file are required")
	}
	d := newDocument(*name, *version, time.Unix(*seconds, 0))
	for _, file := range flags.Args() {
		if err := d.addBinary(file); err != nil {
			return err
		}
	}
	for _, file := range embedded {
		if err := d.addModules(file); err != nil {
			return err
		}
	}
	for _, library := range libraries {
		if err := d.addLibrary(library); err != nil {
			return err
		}
	}
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d.finish())
}
