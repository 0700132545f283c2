// Gendoc writes the manual pages and the completion scripts in contrib from the
// model of the command line in internal/cli. The texts in prose are in the manual
// pages only, so that runnel does not carry them. Run it with go generate.
package main

import (
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"

	"github.com/runnel/runnel/internal/cli"
)

//go:generate go run .

// moduleRoot is the root of the module, relative to the directory of this package,
// in which go generate and go test run.
const moduleRoot = "../../.."

func main() {
	log.SetFlags(0)
	log.SetPrefix("gendoc: ")
	files, err := generate(moduleRoot)
	if err != nil {
		log.Fatal(err)
	}
	for path, content := range files {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// generate returns the contents of all generated files by path.
func generate(root string) (map[string]string, error) {
	files, err := manualPages(root)
	if err != nil {
		return nil, fmt.Errorf("manual pages: %w", err)
	}
	maps.Copy(files, map[string]string{
		"completions/runnel.bash": bashScript(),
		"completions/_runnel":     zshScript(),
		"completions/runnel.fish": fishScript(),
	})
	byPath := make(map[string]string, len(files))
	for name, content := range files {
		byPath[filepath.Join(root, "contrib", name)] = content
	}
	return byPath, nil
}

// visible returns the commands that are not hidden, in the order of help.
func visible() []*cli.Command {
	var commands []*cli.Command
	for _, c := range cli.Commands() {
		if !c.Hidden {
			commands = append(commands, c)
		}
	}
	return commands
}
