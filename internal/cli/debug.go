package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func debugCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "debug", Category: containers, Usage: "run a shell with tools of the host in a container",
			ArgsUsage: "ID [COMMAND [ARGUMENT...]]",
			Description: `For containers without a shell: the process has the container's namespaces, user, limits,
capabilities, seccomp filter and label, as with exec, and programs of the host in
/.tools, which is the first directory in its PATH. The container's files are at their
places. Nothing is added to the container; what the process mounts is its own. Without
COMMAND it is sh, with a terminal if standard input is one. Options must precede ID.`,
			Flags: append(overrideFlags(),
				consoleSocketFlag(),
				&cli.StringFlag{Name: "tools", Usage: "provide the programs in `DIR`, or a static program such as busybox", DefaultText: "the host's busybox"},
				&cli.BoolFlag{Name: "privileged", Usage: "add CAP_SYS_PTRACE, for strace and debuggers"},
				&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Usage: "allocate a terminal", DefaultText: "without COMMAND, if standard input is one"},
				detachFlag(), pidFileFlag(),
			),
			Action: s.debug,
		},
		Least: 1, Most: -1, FirstArgumentEndsFlags: true,
		Example: `runnel debug web
runnel debug --tools /opt/static --privileged web strace -p 1`,
	}
}

func (s *session) debug(c *cli.Context) error {
	status, err := s.debugProcess(c)
	return s.endAs("debug", status, err)
}

func (s *session) debugProcess(c *cli.Context) (int, error) {
	o := libcontainer.DebugOptions{Tools: c.String("tools"), Trace: c.Bool("privileged")}
	o.PidFile = c.String("pid-file")
	var err error
	if o.Override, err = override(c); err != nil {
		return 0, misuse(err)
	}
	if c.NArg() == 1 && !c.IsSet("tty") {
		o.Override.TTY = terminalSize() != nil
	}
	r, err := s.planner()
	if err != nil {
		return 0, err
	}
	hideInherited()
	o.Stdio = stdio(c)
	container, err := r.Open(c.Args().First())
	if err != nil {
		return 0, err
	}
	defer container.Close()
	return inContainer(c, &o.Stdio, func(ctx context.Context) (*libcontainer.Process, error) { return container.Debug(ctx, o) })
}
