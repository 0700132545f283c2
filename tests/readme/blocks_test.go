// Package readme tests the documents: it runs the commands of README.md as a reader who
// pastes them would, and checks that links and file names exist.
package readme

import (
	"fmt"
	"strings"
)

// block is a fenced block of a Markdown document.
type block struct {
	document string
	section  string // the heading of level two above it
	dir      string // blocks of the same name run in the same directory, in their order
	language string
	marker   string // the comment on the line before it, which is for the tests
	line     int    // of its first line
	text     string
}

// parse returns the fenced blocks of a document, with a directory for each section.
func parse(name, document string) ([]block, error) {
	var blocks []block
	var section, previous string
	var open *block
	for i, line := range strings.Split(document, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &block{document: name, section: section, dir: name + section, language: fence, line: i + 2}
			if marker, ok := strings.CutPrefix(previous, "<!-- "); ok {
				open.marker = strings.TrimSuffix(marker, " -->")
			}
		case isFence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		case strings.HasPrefix(line, "## "):
			section = strings.TrimPrefix(line, "## ")
		}
		previous = line
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block has no end", open)
	}
	return blocks, nil
}

// String returns where the block begins.
func (b *block) String() string { return fmt.Sprintf("%s:%d", b.document, b.line) }

// command is a command of a transcript with its output.
type command struct{ line, output string }

// transcript splits a block into commands, which follow a "$ ", and their output.
func transcript(text string) []command {
	var commands []command
	for line := range strings.Lines(text) {
		if c, ok := strings.CutPrefix(line, "$ "); ok {
			commands = append(commands, command{line: strings.TrimSpace(c)})
		} else if n := len(commands); n > 0 {
			commands[n-1].output += line
		}
	}
	return commands
}
