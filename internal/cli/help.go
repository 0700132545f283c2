package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// The layouts of help, in the language of the library's templates.
const (
	appHelp = `NAME:
   {{template "helpNameTemplate" .}}

USAGE:
   {{.UsageText}}

DESCRIPTION:
   {{template "descriptionTemplate" .}}

EXAMPLE:
{{indent 3 ` + "`" + AboutExample + "`" + `}}

COMMANDS:{{range .VisibleCategories}}
   {{.Name}}:{{range .VisibleCommands}}
     {{.Name}}{{"\t"}}{{.Usage}}{{end}}
{{end}}
   "runnel COMMAND --help" describes a command and its options.

GLOBAL OPTIONS:{{template "visibleFlagTemplate" .}}
`
	commandHelpHead = `NAME:
   {{template "helpNameTemplate" .}}

USAGE:
   {{template "usageTemplate" .}}

DESCRIPTION:
   {{template "descriptionTemplate" .}}

EXAMPLE:
{{indent 3 `
	commandHelpTail = `}}

OPTIONS:{{template "visibleFlagTemplate" .}}

   "runnel --help" lists the global options, which are accepted here as well.
`
)

// helpTemplate is the layout of a command's help with its example, for which the
// library's commands have no field.
func helpTemplate(example string) string {
	return commandHelpHead + strconv.Quote(example) + commandHelpTail
}

func helpCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "help", Aliases: []string{"h"}, Category: information,
			Usage: "describe runnel or one of its commands", ArgsUsage: "[COMMAND]",
			Description: "Prints the same as --help.",
			Action: func(c *cli.Context) error {
				if c.NArg() == 0 {
					s.showHelp()
					return nil
				}
				name := strings.Join(c.Args().Slice(), " ")
				topic := s.command(name)
				if topic == nil {
					return s.unknownCommand(name)
				}
				a := s.app(globalFlags(), []*Command{topic})
				a.Setup()
				return cli.ShowCommandHelp(cli.NewContext(a, nil, nil), topic.Name)
			},
		},
		Most:    2,
		Example: "runnel help exec",
	}
}

// flagLine is one line of help. In contrast to the library's own it shows how to
// repeat an option in words, and no default for options without a value.
func flagLine(f cli.Flag) string {
	var names []string
	value := ""
	if name := Placeholder(f); name != "" {
		value = " " + name
	}
	for _, name := range f.Names() {
		names = append(names, dashes(name)+value)
	}
	return strings.Join(names, ", ") + "\t" + Explanation(f)
}

func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// Placeholder returns the name of the option's value, which is set in backquotes
// in the usage text, or "" for an option without a value.
func Placeholder(f cli.Flag) string {
	doc := f.(cli.DocGenerationFlag)
	if !doc.TakesValue() {
		return ""
	}
	_, rest, _ := strings.Cut(doc.GetUsage(), "`")
	name, _, _ := strings.Cut(rest, "`")
	return name
}

// Explanation returns the usage text of an option, without backquotes and with its
// default value.
func Explanation(f cli.Flag) string {
	doc := f.(cli.DocGenerationFlag)
	text := strings.ReplaceAll(doc.GetUsage(), "`", "")
	if isRepeatable(f) {
		text += "; may be repeated"
	}
	if preset := doc.GetDefaultText(); doc.TakesValue() && preset != "" {
		text += fmt.Sprintf(" (default: %s)", preset)
	}
	return text
}

func isRepeatable(f cli.Flag) bool {
	slice, ok := f.(cli.DocGenerationSliceFlag)
	return ok && slice.IsSliceFlag()
}
