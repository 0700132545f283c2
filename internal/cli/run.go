package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/internal/logging"
	"github.com/runnel/runnel/libcontainer"
)

func runCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "run", Category: containers, Usage: "create and start a container", ArgsUsage: "ID",
			Description: `In the foreground, run forwards signals, waits for the container, deletes it and exits
with the status of its process, or with 128 plus the number of the signal that killed
it. With --detach, run returns once the process has started, and the container remains
until it is deleted. If the program cannot be executed, run fails with exit code 255, and
leaves no container.`,
			Flags: append(createFlags(),
				detachFlag(),
				&cli.BoolFlag{Name: "keep", Usage: "do not delete the container when it has ended"},
				noSubreaperFlag(), seccompLogFlag(),
			),
			Action: s.runContainer,
		},
		Least: 1, Most: 1,
		Example: "cd /srv/web && runnel run web",
	}
}

func (s *session) runContainer(c *cli.Context) error {
	o, err := createOptions(c)
	if err != nil {
		return err
	}
	log, err := s.openSeccompLog(c)
	if err != nil {
		return err
	}
	defer log.close()
	r, err := s.creator()
	if err != nil {
		return err
	}
	options := libcontainer.RunOptions{CreateOptions: o}
	if log != nil {
		options.SeccompLog = log.write
	}
	if c.Bool("detach") {
		var p *libcontainer.Process
		if p, err = r.Run(context.Background(), options); err == nil {
			p.Close()
		}
	} else {
		options.Attached, options.Subreaper = true, !c.Bool("no-subreaper")
		s.status, err = runForeground(r, options, c.Bool("keep"))
		log.end(s.status)
		if failed := log.err(); failed != nil {
			s.log.Write(logging.Warning, failed.Error())
		}
	}
	if errors.Is(err, libcontainer.ErrNotExecuted) {
		s.status = exitNotExecuted
	}
	if err != nil {
		return fmt.Errorf("runnel run failed: %w", err)
	}
	return nil
}

// runForeground runs a container, waits for its end, deletes it unless keep, and returns
// its exit status.
func runForeground(r *libcontainer.Runtime, o libcontainer.RunOptions, keep bool) (int, error) {
	keepTerminal(&o.Stdio)
	return inForeground(keep, func(ctx context.Context) (*libcontainer.Process, error) { return r.Run(ctx, o) })
}

// inForeground waits for the end of the container that start starts, deletes it unless
// keep, and returns its exit status.
func inForeground(keep bool, start func(context.Context) (*libcontainer.Process, error)) (int, error) {
	f := beginForeground()
	defer f.end()
	p, err := f.launch(start)
	if err != nil {
		return -1, err
	}
	defer p.Close()
	status, err := f.wait(p)
	if !keep {
		err = errors.Join(err, p.Container().Delete(true))
	} else if err == nil {
		err = p.Container().RecordExit(status)
	}
	return status.Shell(), err
}
