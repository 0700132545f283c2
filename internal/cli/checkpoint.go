package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/libcontainer/criu"
)

func checkpointCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "checkpoint", Category: containers, Usage: "write the state of a container's processes to a directory", ArgsUsage: "ID",
			Description: `criu(8) writes the processes, their memory and what they have open to files, from which
restore brings them back, on another host, too. The container is then deleted, unless
--leave-running or --pre-dump is given. If checkpoint fails, the container continues, and
the error says why, and where criu's log is.`,
			Flags: append(criuFlags(),
				&cli.StringFlag{Name: "parent-path", Usage: "keep only what has changed since the checkpoint in `DIR`, relative to --image-path"},
				&cli.BoolFlag{Name: "leave-running", Usage: "let the container run on"},
				&cli.BoolFlag{Name: "pre-dump", Usage: "write the memory only, and let the container run on: a later checkpoint writes the rest"},
				&cli.BoolFlag{Name: "tcp-skip-in-flight", Usage: "leave out TCP connections that are not established yet"},
				&cli.BoolFlag{Name: "link-remap", Usage: "give deleted files that are in use a temporary name"},
				&cli.StringFlag{Name: "page-server", Usage: "send the memory to the page server at `ADDRESS:PORT`; with --lazy-pages, wait there for a criu lazy-pages"},
				&cli.IntFlag{Name: "status-fd", Value: -1, DefaultText: "none", Usage: "write a zero byte to descriptor `N` when pages can be fetched"},
			),
			Action: s.checkpoint,
		},
		Least: 1, Most: 1,
		Example: "runnel checkpoint --image-path /var/lib/checkpoints/web web",
	}
}

// criuFlags returns the flags of checkpoint and restore.
func criuFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "image-path", Usage: "the directory of the checkpoint is `DIR`", DefaultText: "./checkpoint"},
		&cli.StringFlag{Name: "work-path", Usage: "write criu's log to `DIR`", DefaultText: "that of the checkpoint"},
		&cli.BoolFlag{Name: "tcp-established", Usage: "include open TCP connections"},
		&cli.BoolFlag{Name: "ext-unix-sk", Usage: "allow Unix sockets whose other end is not in the container"},
		&cli.BoolFlag{Name: "shell-job", Usage: "allow a terminal and a session of the host"},
		&cli.BoolFlag{Name: "file-locks", Usage: "include locks of files"},
		&cli.BoolFlag{Name: "lazy-pages", Usage: "transfer the memory after the rest, when it is needed, userfaultfd(2)"},
		&cli.StringFlag{Name: "manage-cgroups-mode", Usage: "treat cgroups below the container's by `MODE`: soft, full, strict or ignore", DefaultText: "soft"},
		&cli.StringSliceFlag{Name: "empty-ns", Usage: "leave out what is in namespaces of `TYPE`: network"},
		&cli.BoolFlag{Name: "auto-dedup", Usage: "remove memory from the images of earlier checkpoints that later ones have anew"},
	}
}

func (s *session) checkpoint(c *cli.Context) error {
	o, err := checkpointOptions(c)
	if err != nil {
		return misuse(err)
	}
	hideInherited()
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	err = s.onContainer(c, func(container *libcontainer.Container) error {
		return container.Checkpoint(ctx, o)
	})
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = errors.New("interrupted")
	}
	if err != nil {
		return fmt.Errorf("runnel checkpoint failed: %w", err)
	}
	return nil
}

func checkpointOptions(c *cli.Context) (o libcontainer.CheckpointOptions, err error) {
	o = libcontainer.CheckpointOptions{
		Images: imagePath(c), Work: c.String("work-path"), Parent: c.String("parent-path"),
		PreDump: c.Bool("pre-dump"), LeaveRunning: c.Bool("leave-running"),
		SkipInFlight: c.Bool("tcp-skip-in-flight"), LinkRemap: c.Bool("link-remap"),
	}
	if o.CRIUOptions, err = criuOptions(c); err != nil {
		return o, err
	}
	if o.Parent != "" && o.Parent[0] == '/' {
		return o, fmt.Errorf("--parent-path %s: it must be relative to --image-path", o.Parent)
	}
	if o.PreDump && o.LazyPages {
		return o, errors.New("--pre-dump and --lazy-pages can't be used together")
	}
	if server := c.String("page-server"); server != "" {
		if o.PageServer, err = criu.ParsePageServer(server); err != nil {
			return o, fmt.Errorf("--page-server: %w", err)
		}
	}
	if fd := c.Int("status-fd"); fd >= 0 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			return o, fmt.Errorf("--status-fd %d: %w", fd, err)
		}
		o.StatusFD = &fd
	}
	return o, nil
}

func imagePath(c *cli.Context) string {
	if path := c.String("image-path"); path != "" {
		return path
	}
	return "checkpoint"
}

func criuOptions(c *cli.Context) (o libcontainer.CRIUOptions, err error) {
	o = libcontainer.CRIUOptions{
		TCPEstablished: c.Bool("tcp-established"), ExtUnixSockets: c.Bool("ext-unix-sk"), ShellJob: c.Bool("shell-job"),
		FileLocks: c.Bool("file-locks"), LazyPages: c.Bool("lazy-pages"), AutoDedup: c.Bool("auto-dedup"),
	}
	if o.Cgroups, err = criu.ParseCgroupsMode(c.String("manage-cgroups-mode")); err != nil {
		return o, fmt.Errorf("--manage-cgroups-mode: %w", err)
	}
	for _, kind := range c.StringSlice("empty-ns") {
		if kind != "network" {
			return o, fmt.Errorf("--empty-ns %s: only network namespaces can be left empty", kind)
		}
		o.EmptyNetwork = true
	}
	return o, nil
}
