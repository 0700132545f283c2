package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func regexFlag(act string) cli.Flag {
	return &cli.BoolFlag{
		Name: "regex", Aliases: []string{"r"},
		Usage: act + " all containers whose id matches ID, an extended regular expression",
	}
}

// eachContainer calls act for the container that the first argument names or, with
// --regex, for all containers whose ids match; for all containers without an argument.
// An error does not keep it from the other containers.
func (s *session) eachContainer(c *cli.Context, act func(r *libcontainer.Runtime, id string) error) error {
	r, err := s.runtime()
	if err != nil {
		return err
	}
	name := c.Args().First()
	if !c.Bool("regex") && c.NArg() > 0 {
		return act(r, name)
	}
	ids, err := matching(r, name)
	var failed []error
	for _, id := range ids {
		if err := act(r, id); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", id, err))
		}
	}
	return errors.Join(append(failed, err)...)
}

// matching returns the ids that match. Entries of the state root that cannot be
// read are an error, because they may be containers; the ids are returned anyway.
func matching(r *libcontainer.Runtime, expression string) ([]string, error) {
	pattern, err := regexp.CompilePOSIX(expression)
	if err != nil {
		return nil, misuse(fmt.Errorf("--regex %s: %w", expression, err))
	}
	containers, broken, err := r.List()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // no container has been created yet
	}
	var ids []string
	for _, container := range containers {
		if id := container.ID(); pattern.MatchString(id) {
			ids = append(ids, id)
		}
		container.Close()
	}
	return ids, errors.Join(append(broken, err)...)
}
