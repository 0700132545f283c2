package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/runnel/runnel/tests/moduleproxy"
)

const tree = "../.."

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	// file is the name of a file or folder of the repository, set as code. A word in
	// capitals stands for any name, as in child_ARCH.go.
	file        = regexp.MustCompile("`((?:internal|libcontainer|specconv|nsenter|cgroups|seccomp|tests|contrib)/[^`\\s]*)`")
	placeholder = regexp.MustCompile(`[A-Z]{3,}`)
	// dropped is what GitHub leaves out of the anchor of a heading.
	dropped = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// TestFiles checks that the files that the documents mention exist.
func TestFiles(t *testing.T) {
	for _, path := range documents(t) {
		for _, m := range file.FindAllStringSubmatch(prose(t, path), -1) {
			found, err := filepath.Glob(filepath.Join(tree, placeholder.ReplaceAllString(m[1], "*")))
			if err != nil || len(found) == 0 {
				t.Errorf("%s speaks of %s, which doesn't exist", path, m[1])
			}
		}
	}
}

// documents returns the paths of the Markdown files of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	paths, err := moduleproxy.Files(tree)
	if err != nil {
		t.Skip(err)
	}
	return slices.DeleteFunc(paths, func(path string) bool { return filepath.Ext(path) != ".md" })
}

// TestLinks checks that each link refers to a file of the repository that exists, and
// to a heading in it.
func TestLinks(t *testing.T) {
	for _, path := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(prose(t, path), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			checkLink(t, path, m[1])
		}
	}
}

func checkLink(t *testing.T, from, to string) {
	t.Helper()
	path, anchor, hasAnchor := strings.Cut(to, "#")
	target := from
	if path != "" {
		target = filepath.Join(filepath.Dir(from), path)
	}
	if _, err := os.Stat(filepath.Join(tree, target)); err != nil {
		t.Errorf("%s links to %s: %v", from, to, err)
		return
	}
	if !hasAnchor {
		return
	}
	for _, m := range heading.FindAllStringSubmatch(prose(t, target), -1) {
		if anchorOf(m[1]) == anchor {
			return
		}
	}
	t.Errorf("%s links to %s: %s has no heading with that anchor", from, to, target)
}

// anchorOf returns the anchor that GitHub gives to a heading.
func anchorOf(heading string) string {
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// prose returns a document without its fenced blocks.
func prose(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(tree, path))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split("\n"+string(content), "\n```")
	var text strings.Builder
	for i := 0; i < len(parts); i += 2 {
		text.WriteString(parts[i])
	}
	return text.String()
}
