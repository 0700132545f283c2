package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/specconv"
)

func (s *session) exec() *cli.Command {
	return &cli.Command{
		Name:      "exec",
		Usage:     "run another process in a running container",
		ArgsUsage: "ID COMMAND [ARGUMENT...]  or  -p FILE ID",
		Description: `The process has the settings of the config's, but for what is given here. The exit
code is that of the process, 255 if it couldn't be run.

   runnel exec --tty web sh`,
		Flags: []cli.Flag{
			consoleSocketFlag(), pidfdSocketFlag(),
			&cli.StringFlag{Name: "cwd", Usage: "working directory in the container"},
			&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Usage: "add `NAME=VALUE` to the environment"},
			&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Usage: "give the process a terminal"},
			&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "run as `UID[:GID]`"},
			&cli.StringSliceFlag{Name: "additional-gids", Aliases: []string{"g"}, Usage: "add a supplementary `GID`"},
			&cli.StringFlag{Name: "process", Aliases: []string{"p"}, Usage: "read the process object of the config from `FILE`; other flags about the process don't count then"},
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "return when the process runs"},
			pidFileFlag(),
			&cli.StringFlag{Name: "process-label", Usage: "SELinux label of the process"},
			&cli.StringFlag{Name: "apparmor", Usage: "AppArmor profile of the process"},
			&cli.BoolFlag{Name: "no-new-privs", Usage: "set no_new_privs"},
			&cli.StringSliceFlag{Name: "cap", Aliases: []string{"c"}, Usage: "add the capability `NAME`"},
			preserveFDsFlag(),
			&cli.StringSliceFlag{Name: "cgroup", Usage: "run in a sub-cgroup of the container's, `[CONTROLLER[,...]:]PATH`"},
			&cli.BoolFlag{Name: "ignore-paused", Usage: "exec in a paused container; the process waits for resume"},
			&cli.BoolFlag{Name: "no-subreaper", Hidden: true, Usage: "accepted and ignored"},
		},
		Action: func(c *cli.Context) error {
			if err := atLeast(c, s, 1); err != nil {
				return err
			}
			o, err := execOptions(c)
			if err != nil {
				return err
			}
			r, err := s.runtime(c)
			if err != nil {
				return err
			}
			s.status, err = r.Exec(o)
			return err
		},
	}
}

func execOptions(c *cli.Context) (libcontainer.ExecOptions, error) {
	o := libcontainer.ExecOptions{
		ID:            c.Args().First(),
		ConsoleSocket: c.String("console-socket"), PidfdSocket: c.String("pidfd-socket"), PidFile: c.String("pid-file"),
		Detach: c.Bool("detach"), IgnorePaused: c.Bool("ignore-paused"),
		PreserveFDs: c.Int("preserve-fds"), Cgroups: c.StringSlice("cgroup"),
	}
	var err error
	if path := c.String("process"); path != "" {
		o.Process, err = readProcess(path)
		return o, err
	}
	o.Override, err = override(c)
	return o, err
}

func readProcess(path string) (*specs.Process, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	if strings.TrimSpace(string(content)) == "null" {
		return nil, fmt.Errorf("%s: process property must not be empty", path)
	}
	return specconv.DecodeProcess(path, content)
}

func override(c *cli.Context) (libcontainer.ProcessOverride, error) {
	o := libcontainer.ProcessOverride{
		Args: c.Args().Tail(), Cwd: c.String("cwd"), Env: c.StringSlice("env"), TTY: c.Bool("tty"),
		Caps: c.StringSlice("cap"), SelinuxLabel: c.String("process-label"), ApparmorProfile: c.String("apparmor"),
	}
	if len(o.Args) == 0 {
		return o, errors.New("exec args cannot be empty")
	}
	if text := c.String("user"); text != "" {
		user, err := parseUser(text)
		if err != nil {
			return o, err
		}
		o.User = user
	}
	for _, text := range c.StringSlice("additional-gids") {
		gid, err := parseID(text)
		if err != nil {
			return o, fmt.Errorf("parsing %s as int for an additional gid failed: %w", text, err)
		}
		o.AdditionalGids = append(o.AdditionalGids, gid)
	}
	if c.IsSet("no-new-privs") {
		nnp := c.Bool("no-new-privs")
		o.NoNewPrivileges = &nnp
	}
	return o, nil
}
