package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/runnel/runnel/libcontainer"
)

func deleteCommand() *command {
	return &command{
		name: "delete", summary: "remove a stopped container", arguments: "ID", least: 1, most: 1,
		description: `Removes what create has made: cgroups and state. A container that waits for start
can be deleted too. With --force any container is killed first, and one that
doesn't exist is fine.`,
		example: "runnel delete --force web",
		flags: []flag{
			{name: "force", short: "f", usage: "kill the container first"},
			regexFlag("delete"),
		},
		run: func(c *call) error {
			if _, err := claimInherited(0); err != nil {
				return err
			}
			return c.eachContainer(func(r *libcontainer.Runtime, id string) error {
				return r.Delete(id, c.on("force"))
			})
		},
	}
}

func regexFlag(what string) flag {
	return flag{name: "regex", short: "r", usage: "ID is an extended regular expression: " + what + " all containers that match"}
}

// eachContainer acts on the container that the first argument names or, with
// --regex, on all whose ids match. One that fails doesn't keep the others from it.
func (c *call) eachContainer(act func(r *libcontainer.Runtime, id string) error) error {
	r, err := c.runtime()
	if err != nil {
		return err
	}
	if !c.on("regex") {
		return act(r, c.id())
	}
	ids, err := matching(r, c.id())
	var failed []error
	for _, id := range ids {
		if err := act(r, id); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", id, err))
		}
	}
	return errors.Join(append(failed, err)...)
}

// matching lists the ids that match. Entries that can't be read are an error,
// as it isn't known that they are no containers; the others are given too.
func matching(r *libcontainer.Runtime, expression string) ([]string, error) {
	matches, err := compile(expression)
	if err != nil {
		return nil, misuse(fmt.Errorf("--regex %s: %w", expression, err))
	}
	containers, broken, err := r.List()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // no container yet
	}
	var ids []string
	for _, container := range containers {
		if id := container.ID(); matches(id) {
			ids = append(ids, id)
		}
		container.Close()
	}
	return ids, errors.Join(append(broken, err)...)
}
