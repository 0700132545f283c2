package cli

import (
	"fmt"

	"github.com/runnel/runnel/libcontainer"
)

// command is one entry of the command table: what it takes, what is said about
// it, and what runs it.
type command struct {
	name      string
	summary   string // one line, without a full stop
	arguments string // as in the usage line
	// description is the text of the help, and example what ends it.
	description, example string
	flags                []flag
	// least and most are bounds on the number of arguments; most < 0 is none.
	least, most int
	// firstEnds: flags end at the first argument, see parse.
	firstEnds bool
	run       func(*call) error
}

// entry finds a command without making its table.
type entry struct {
	name string
	make func() *command
}

// entries are the commands, sorted by name.
func entries() []entry {
	return []entry{
		{"check", checkCommand},
		{"create", createCommand},
		{"delete", deleteCommand},
		{"events", eventsCommand},
		{"exec", execCommand},
		{"features", featuresCommand},
		{"help", helpCommand},
		{"kill", killCommand},
		{"list", listCommand},
		{"pause", pauseCommand},
		{"plan", planCommand},
		{"ps", psCommand},
		{"resume", resumeCommand},
		{"run", runCommand},
		{"spec", specCommand},
		{"start", startCommand},
		{"state", stateCommand},
		{"update", updateCommand},
	}
}

// find makes the table of one command; nil if there is no such command.
func find(name string) *command {
	if name == "h" {
		name = "help"
	}
	for _, e := range entries() {
		if e.name == name {
			return e.make()
		}
	}
	return nil
}

// call is one command that is being run.
type call struct {
	*session
	values
	args []string
}

// id is the first argument.
func (c *call) id() string { return c.args[0] }

// runtime is the Runtime of the global flags, for what is there already.
func (c *call) runtime() (*libcontainer.Runtime, error) { return c.session.runtime() }

// planner is a Runtime that knows whether it is an ordinary user's, which costs
// a look at the host.
func (c *call) planner() (*libcontainer.Runtime, error) {
	r, err := c.session.runtime()
	if err != nil {
		return nil, err
	}
	r.Rootless, err = isRootless(c.global.text("rootless"))
	return r, misuse(err)
}

// creator is a planner whose state root can be written to.
func (c *call) creator() (*libcontainer.Runtime, error) {
	r, err := c.planner()
	if err == nil && r.Root != defaultRoot && !c.global.has("root") {
		err = makeUserRoot(r.Root)
	}
	return r, err
}

// onContainer opens the container that the first argument names for act.
func (c *call) onContainer(act func(*libcontainer.Container) error) error {
	r, err := c.runtime()
	if err != nil {
		return err
	}
	return open(r, c.id(), act)
}

func open(r *libcontainer.Runtime, id string, act func(*libcontainer.Container) error) error {
	container, err := r.Open(id)
	if err != nil {
		return err
	}
	defer container.Close()
	return act(container)
}

// countProblem says in runc's words what is wrong with the number of arguments;
// "" if nothing is.
func (c *command) countProblem(n int) string {
	switch {
	case c.least == c.most && n != c.least:
		return fmt.Sprintf("%q requires exactly %d argument(s)", c.name, c.least)
	case n < c.least:
		return fmt.Sprintf("%q requires a minimum of %d argument(s)", c.name, c.least)
	case c.most >= 0 && n > c.most:
		return fmt.Sprintf("%q requires a maximum of %d argument(s)", c.name, c.most)
	}
	return ""
}
