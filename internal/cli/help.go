package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

const (
	title = "OCI container runtime"
	about = `runnel makes and runs containers from OCI bundles: a directory with a config.json
and a root file system. Its command line is that of runc. A container that is to be
managed goes through create, start, exec, kill and delete; run does it all. ID is
any name of letters, digits and _ + - . that isn't in use.`
	aboutExample = `mkdir -p hello/rootfs/bin && cp /bin/busybox hello/rootfs/bin/sh
cd hello && runnel spec && runnel run hello`
)

func helpCommand() *command {
	return &command{
		name: "help", summary: "tell how to use runnel, or one of its commands", arguments: "[COMMAND]", most: 1,
		description: "The same as --help.",
		example:     "runnel help exec",
		run:         runHelp,
	}
}

func runHelp(c *call) error {
	if len(c.args) == 0 {
		return c.print(overview())
	}
	about := find(c.args[0])
	if about == nil {
		c.status = exitUnknownCommand
		//lint:ignore ST1005 runc's text
		return misuse(fmt.Errorf("No help topic for '%s'", c.args[0]))
	}
	return c.print(about.help())
}

// overview is the help of the program as a whole.
func overview() string {
	var b strings.Builder
	section(&b, "NAME", "runnel - "+title)
	section(&b, "USAGE", "runnel [GLOBAL OPTION...] COMMAND [OPTION...] [ARGUMENT...]")
	section(&b, "DESCRIPTION", about)
	section(&b, "EXAMPLE", aboutExample)
	var rows [][2]string
	for _, e := range entries() {
		rows = append(rows, [2]string{e.name, e.make().summary})
	}
	section(&b, "COMMANDS", columns(rows))
	section(&b, "GLOBAL OPTIONS", columns(flagRows(globalFlags())))
	return b.String()
}

// help is the text of --help.
func (c *command) help() string {
	var b strings.Builder
	section(&b, "NAME", "runnel "+c.name+" - "+c.summary)
	section(&b, "USAGE", c.usage())
	section(&b, "DESCRIPTION", c.description)
	section(&b, "EXAMPLE", c.example)
	section(&b, "OPTIONS", columns(flagRows(c.flags)))
	return b.String()
}

func (c *command) usage() string {
	usage := "runnel " + c.name
	if len(c.flags) > 0 {
		usage += " [OPTION...]"
	}
	if c.arguments != "" {
		usage += " " + c.arguments
	}
	return usage
}

// section writes a heading and indented lines.
func section(b *strings.Builder, heading, content string) {
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(heading + ":\n")
	for line := range strings.Lines(content) {
		b.WriteString("   " + line)
	}
	b.WriteByte('\n')
}

// flagRows are the flags that are shown, --help among them.
func flagRows(table []flag) [][2]string {
	var rows [][2]string
	for i := range table {
		if f := &table[i]; !f.hidden {
			rows = append(rows, [2]string{f.names(), f.explained()})
		}
	}
	return append(rows, [2]string{"--help, -h", "show this text"})
}

// names are "--bundle DIR, -b DIR".
func (f *flag) names() string {
	value := ""
	if f.kind != boolean {
		value = " " + f.value
	}
	names := "--" + f.name + value
	if f.short != "" {
		names += ", -" + f.short + value
	}
	return names
}

// explained is the usage with what is to be known about the value.
func (f *flag) explained() string {
	usage := f.usage
	if f.kind == list {
		usage += "; may be given more than once"
	}
	if f.preset != "" {
		usage += " (default: " + f.preset + ")"
	}
	return usage
}

func columns(rows [][2]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 1, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	_ = w.Flush() // a Builder takes all
	return strings.TrimSuffix(b.String(), "\n")
}
