package plan

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Dot writes the plan as a graph in the language of Graphviz: the steps of the child, and
// beside them what the parent does when the child waits for it.
func (p *Plan) Dot(w io.Writer) error {
	g := grapher{w: bufio.NewWriter(w)}
	fmt.Fprint(g.w, "digraph plan {\n\trankdir=TB;\n\tnode [shape=box, fontname=\"sans-serif\", fontsize=10];\n\tedge [fontname=\"sans-serif\", fontsize=9];\n")
	start := "start the child"
	if p.CloneFlags != 0 {
		start += " in new namespaces: " + bitString(p.CloneFlags, cloneNames)
	}
	g.parentNode(start)
	fmt.Fprint(g.w, "\tsubgraph cluster_child {\n\t\tlabel=\"child\";\n")
	for i := range p.Steps {
		s := &p.Steps[i]
		label := fmt.Sprintf("%d  %s", i, oneLine(s.Summary()))
		if !s.Origin.IsZero() {
			label += "\n" + oneLine(s.Origin.String())
		}
		fmt.Fprintf(g.w, "\t\tc%d [label=%s];\n", i, quote(label))
		if i > 0 {
			fmt.Fprintf(g.w, "\t\tc%d -> c%d;\n", i-1, i)
		}
	}
	fmt.Fprint(g.w, "\t}\n")
	if len(p.Steps) > 0 {
		g.edge("p0", "c0", "clone, execve")
	}
	for i := range p.Steps {
		g.answer(i, p.Steps[i].Op, i+1 < len(p.Steps))
	}
	g.parents()
	fmt.Fprint(g.w, "}\n")
	return g.w.Flush()
}

// grapher writes a graph. Nodes of the parent are collected, because they belong into one
// cluster.
type grapher struct {
	w      *bufio.Writer
	parent []string
}

func (g *grapher) parentNode(label string) (name string) {
	g.parent = append(g.parent, label)
	return fmt.Sprintf("p%d", len(g.parent)-1)
}

func (g *grapher) parents() {
	fmt.Fprint(g.w, "\tsubgraph cluster_parent {\n\t\tlabel=\"parent\";\n\t\tnode [style=rounded];\n")
	for i, label := range g.parent {
		fmt.Fprintf(g.w, "\t\tp%d [label=%s];\n", i, quote(label))
		if i > 0 {
			fmt.Fprintf(g.w, "\t\tp%d -> p%d;\n", i-1, i)
		}
	}
	fmt.Fprint(g.w, "\t}\n")
}

func (g *grapher) edge(from, to, label string) {
	fmt.Fprintf(g.w, "\t%s -> %s [style=dashed, constraint=false, label=%s];\n", from, to, quote(label))
}

// answer writes what the parent does when the child has come to step i.
func (g *grapher) answer(i int, op Op, hasNext bool) {
	child, message, does, waits := fmt.Sprintf("c%d", i), "", "", true
	switch o := op.(type) {
	case Checkpoint:
		message, does = "Maps", "write id maps and time offsets, join the cgroup"
		if o.Point == CheckpointNamespaces {
			message, does = "Namespaces", "join the cgroup, save the state, set limits, move network devices,\nrun prestart and createRuntime hooks"
		}
	case Root:
		if o.ByParent {
			message, does = "Tree", "clone and attach the mount tree of the root"
		}
	case Bind:
		if o.ByParent {
			message, does = "Tree", "clone the mount tree of "+oneLine(o.Source)
		}
	case Created:
		message, does, waits = "Created", "the container is created: write the pid file", false
	case WaitStart:
		message, does = "Starting", "runnel start, or run"
	case Exec:
		message, does, waits = "end of file", "the program runs: poststart hooks", false
	}
	if message == "" {
		return
	}
	parent := g.parentNode(does)
	g.edge(child, parent, message)
	if waits && hasNext {
		g.edge(parent, fmt.Sprintf("c%d", i+1), "Go")
	}
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "?") }

// quote returns a string of the language. What would control a terminal is replaced.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case !unicode.IsPrint(r):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
