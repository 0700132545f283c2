package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/specconv/config"
)

func execCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "exec", Category: containers, Usage: "run another process in a running container",
			ArgsUsage: "ID COMMAND [ARGUMENT...]",
			Description: `The process gets the settings of process in config.json, except for what the options
change. It gets a terminal only with --tty. With --process, no COMMAND is given. The
exit code is that of the process: 128 plus the number of the signal if one killed it,
and 255 if it could not be run. Options must precede ID: what follows ID belongs to
COMMAND.

--ns joins only some namespaces. Without mnt among them COMMAND is a program of the host,
with the root directory, environment and privileges of the caller, in the container's
cgroup: "exec --ns net" runs the host's network tools in a container that has none.`,
			Flags:  execFlags(),
			Action: s.exec,
		},
		Least: 1, Most: -1, FirstArgumentEndsFlags: true,
		Example: `runnel exec --tty --env TERM=$TERM web sh
runnel exec --ns net web ip address`,
	}
}

func execFlags() []cli.Flag {
	return append(overrideFlags(),
		consoleSocketFlag(), pidfdSocketFlag(),
		&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Usage: "allocate a terminal"},
		&cli.StringFlag{Name: "process", Aliases: []string{"p"}, Usage: "read the process object from `FILE` and ignore the other options for the process"},
		detachFlag(),
		pidFileFlag(),
		preserveFDsFlag(),
		&cli.StringSliceFlag{Name: "cgroup", KeepSpace: true, Usage: "run in the cgroup `[CONTROLLER[,...]:]PATH` below that of the container"},
		&cli.StringFlag{Name: "ns", Usage: "join only the namespaces in `LIST`, such as net,uts", DefaultText: "all"},
		&cli.BoolFlag{Name: "ignore-paused", Usage: "exec in a paused container, where the process waits for resume"},
		&cli.BoolFlag{Name: "no-subreaper", Hidden: true, Usage: "accepted and ignored"},
	)
}

// overrideFlags are the flags of override.
func overrideFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "cwd", Usage: "run in the working directory `DIR` of the container"},
		&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, KeepSpace: true, Usage: "set the environment variable `NAME=VALUE`"},
		&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "run as `UID[:GID]`"},
		&cli.StringSliceFlag{Name: "additional-gids", Aliases: []string{"g"}, KeepSpace: true, Usage: "add the supplementary group `GID`"},
		&cli.StringFlag{Name: "process-label", Usage: "set the SELinux `LABEL` of the process"},
		&cli.StringFlag{Name: "apparmor", Usage: "set the AppArmor `PROFILE` of the process"},
		&cli.BoolFlag{Name: "no-new-privs", Usage: "set no_new_privs"},
		&cli.StringSliceFlag{Name: "cap", Aliases: []string{"c"}, KeepSpace: true, Usage: "add the capability `CAP`, such as CAP_NET_ADMIN"},
	}
}

func (s *session) exec(c *cli.Context) error {
	status, err := s.execProcess(c)
	return s.endAs("exec", status, err)
}

// endAs makes the command end with the exit status of a process, or with an error.
func (s *session) endAs(command string, status int, err error) error {
	if err != nil {
		s.status = exitNotExecuted // 1 could be the status of the process
		return fmt.Errorf("%s failed: %w", command, err)
	}
	s.status = status
	return nil
}

func (s *session) execProcess(c *cli.Context) (int, error) {
	o, err := s.execOptions(c)
	if err != nil {
		return 0, misuse(err)
	}
	r, err := s.planner()
	if err != nil {
		return 0, err
	}
	fds, err := claimInherited(c.Int("preserve-fds"))
	if err != nil {
		return 0, misuse(err)
	}
	o.Stdio, o.ExtraFiles = stdio(c), fds.files[fds.listen:]
	container, err := r.Open(c.Args().First())
	if err != nil {
		return 0, err
	}
	defer container.Close()
	return inContainer(c, &o.Stdio, func(ctx context.Context) (*libcontainer.Process, error) { return container.Exec(ctx, o) })
}

// inContainer runs a process of exec or debug and returns its exit status; with --detach it
// doesn't wait for it.
func inContainer(c *cli.Context, streams *libcontainer.Stdio, start func(context.Context) (*libcontainer.Process, error)) (int, error) {
	if c.Bool("detach") {
		p, err := start(context.Background())
		if err != nil {
			return 0, err
		}
		p.Close()
		return 0, nil
	}
	streams.KeepTerminal = streams.ConsoleSocket == ""
	streams.Size = terminalSize()
	f := beginForeground()
	defer f.end()
	p, err := f.launch(start)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	ended, err := f.wait(p)
	return ended.Shell(), err
}

func (s *session) execOptions(c *cli.Context) (libcontainer.ExecOptions, error) {
	o := libcontainer.ExecOptions{
		PidfdSocket: c.String("pidfd-socket"), PidFile: c.String("pid-file"),
		IgnorePaused: c.Bool("ignore-paused"), Cgroups: c.StringSlice("cgroup"),
	}
	if _, err := preservedFDs(c); err != nil {
		return o, err
	}
	var err error
	if c.IsSet("ns") {
		if o.Namespaces, err = libcontainer.ParseNamespaces(c.String("ns")); err != nil {
			return o, fmt.Errorf("--ns: %w", err)
		}
	}
	if path := c.String("process"); path != "" {
		o.Process, err = s.readProcess(path)
		return o, err
	}
	if c.NArg() < 2 {
		return o, errors.New("exec args cannot be empty")
	}
	o.Override, err = override(c)
	return o, err
}

// readProcess reads an OCI process object, see config.md#process.
func (s *session) readProcess(path string) (*specs.Process, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--process: %w", err)
	}
	if string(bytes.TrimSpace(content)) == "null" {
		return nil, fmt.Errorf("%s: process property must not be empty", path)
	}
	process, warnings, err := config.DecodeProcess(path, content)
	s.warn(path, warnings)
	return process, err
}

// override returns what the flags change in the process of config.json.
func override(c *cli.Context) (libcontainer.ProcessOverride, error) {
	o := libcontainer.ProcessOverride{
		Args: c.Args().Tail(), Cwd: c.String("cwd"), Env: c.StringSlice("env"), TTY: c.Bool("tty"),
		Caps: c.StringSlice("cap"), SelinuxLabel: c.String("process-label"), ApparmorProfile: c.String("apparmor"),
	}
	var err error
	if user := c.String("user"); user != "" {
		if o.User, err = parseUser(user); err != nil {
			return o, err
		}
	}
	if o.AdditionalGids, err = parseGids(c.StringSlice("additional-gids")); err != nil {
		return o, err
	}
	if c.IsSet("no-new-privs") {
		set := c.Bool("no-new-privs")
		o.NoNewPrivileges = &set
	}
	return o, nil
}
