package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/runnel/runnel/libcontainer"
)

func runCommand() *command {
	return &command{
		name: "run", summary: "create and start a container", arguments: "ID", least: 1, most: 1,
		description: `In the foreground it waits, passes signals on, deletes the container at the end and
exits with the status of its process: 128 plus the signal if one killed it. With
--detach it returns when the process runs, and the container stays until delete.`,
		example: "cd /srv/web && runnel run web",
		flags: append(createFlags(),
			flag{name: "detach", short: "d", usage: "return when the process runs"},
			flag{name: "keep", usage: "don't delete the container at the end"},
			flag{name: "no-subreaper", usage: "don't become the parent of the container's orphans"},
		),
		run: runRun,
	}
}

func runRun(c *call) error {
	o, err := c.createOptions()
	if err != nil {
		return misuse(err)
	}
	r, err := c.creator()
	if err != nil {
		return err
	}
	options := libcontainer.RunOptions{CreateOptions: o}
	if c.on("detach") {
		p, err := r.Run(context.Background(), options)
		if err != nil {
			return fmt.Errorf("runnel run failed: %w", err)
		}
		p.Close()
		return nil
	}
	options.Attached, options.Subreaper = true, !c.on("no-subreaper")
	if err := c.runForeground(r, options); err != nil {
		return fmt.Errorf("runnel run failed: %w", err)
	}
	return nil
}

// runForeground runs a container, waits for its end and deletes it.
func (c *call) runForeground(r *libcontainer.Runtime, o libcontainer.RunOptions) error {
	o.Stdio.KeepTerminal = o.Stdio.ConsoleSocket == ""
	o.Stdio.Size = terminalSize()
	f := beginForeground()
	defer f.end()
	p, err := r.Run(context.Background(), o)
	if err != nil {
		return err
	}
	defer p.Close()
	c.status, err = f.wait(p)
	if !c.on("keep") {
		err = errors.Join(err, p.Container().Delete(true))
	}
	return err
}
