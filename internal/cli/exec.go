package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/specconv/config"
)

func execCommand() *command {
	return &command{
		name: "exec", summary: "run another process in a running container",
		arguments: "ID COMMAND [ARGUMENT...]", least: 1, most: -1, firstEnds: true,
		description: `The process is as process in config.json has it, but for what is given here; a
terminal it has only with --tty. With --process, ID stands alone. The exit code is
that of the process: 128 plus the signal if one killed it, 255 if it couldn't be
run. Options stand before ID: what follows belongs to the command.`,
		example: "runnel exec --tty --env TERM=$TERM web sh",
		flags: []flag{
			consoleSocketFlag(), pidfdSocketFlag(),
			{name: "cwd", kind: text, value: "DIR", usage: "working directory in the container"},
			{name: "env", short: "e", kind: list, value: "NAME=VALUE", usage: "add to the environment"},
			{name: "tty", short: "t", usage: "give the process a terminal"},
			{name: "user", short: "u", kind: text, value: "UID[:GID]", usage: "run as this user, given by number"},
			{name: "additional-gids", short: "g", kind: list, value: "GID", usage: "add a supplementary group"},
			{name: "process", short: "p", kind: text, value: "FILE", usage: "the process is the JSON object in FILE; no other option about it counts"},
			{name: "detach", short: "d", usage: "return when the process runs"},
			pidFileFlag(),
			{name: "process-label", kind: text, value: "LABEL", usage: "SELinux label of the process"},
			{name: "apparmor", kind: text, value: "PROFILE", usage: "AppArmor profile of the process"},
			{name: "no-new-privs", usage: "set no_new_privs"},
			{name: "cap", short: "c", kind: list, value: "CAP", usage: "add a capability, such as CAP_NET_ADMIN"},
			preserveFDsFlag(),
			{name: "cgroup", kind: list, value: "[CONTROLLER[,...]:]PATH", usage: "run in this cgroup below the container's"},
			{name: "ignore-paused", usage: "exec in a paused container; the process waits for resume"},
			{name: "no-subreaper", hidden: true, usage: "accepted and ignored"},
		},
		run: runExec,
	}
}

func runExec(c *call) error {
	status, err := c.exec()
	if err != nil {
		c.status = exitExec // 1 could be the status of the process
		return fmt.Errorf("exec failed: %w", err)
	}
	c.status = status
	return nil
}

func (c *call) exec() (int, error) {
	o, err := c.execOptions()
	if err != nil {
		return 0, misuse(err)
	}
	r, err := c.planner()
	if err != nil {
		return 0, err
	}
	fds, err := c.inherited()
	if err != nil {
		return 0, err
	}
	o.Stdio, o.ExtraFiles = c.stdio(), fds.files[fds.listen:]
	container, err := r.Open(c.id())
	if err != nil {
		return 0, err
	}
	if c.on("detach") {
		p, err := container.Exec(context.Background(), o)
		if err != nil {
			container.Close()
			return 0, err
		}
		p.Close()
		return 0, nil
	}
	o.Stdio.KeepTerminal = o.Stdio.ConsoleSocket == ""
	o.Stdio.Size = terminalSize()
	f := beginForeground()
	defer f.end()
	p, err := container.Exec(context.Background(), o)
	if err != nil {
		container.Close()
		return 0, err
	}
	defer p.Close()
	return f.wait(p)
}

func (c *call) execOptions() (libcontainer.ExecOptions, error) {
	_, err := c.preserveFDs()
	o := libcontainer.ExecOptions{
		PidfdSocket: c.text("pidfd-socket"), PidFile: c.text("pid-file"),
		IgnorePaused: c.on("ignore-paused"), Cgroups: c.list("cgroup"),
	}
	if err != nil {
		return o, err
	}
	if path := c.text("process"); path != "" {
		o.Process, err = readProcess(path)
		return o, err
	}
	o.Override, err = c.override()
	return o, err
}

// readProcess reads an OCI process object, config.md#process.
func readProcess(path string) (*specs.Process, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--process: %w", err)
	}
	if string(bytes.TrimSpace(content)) == "null" {
		return nil, fmt.Errorf("%s: process property must not be empty", path)
	}
	return config.DecodeProcess(path, content)
}

// override is what the flags change in the process of config.json.
func (c *call) override() (libcontainer.ProcessOverride, error) {
	o := libcontainer.ProcessOverride{
		Args: c.args[1:], Cwd: c.text("cwd"), Env: c.list("env"), TTY: c.on("tty"),
		Caps: c.list("cap"), SelinuxLabel: c.text("process-label"), ApparmorProfile: c.text("apparmor"),
	}
	if len(o.Args) == 0 {
		return o, errors.New("exec args cannot be empty")
	}
	var err error
	if user := c.text("user"); user != "" {
		if o.User, err = parseUser(user); err != nil {
			return o, err
		}
	}
	if o.AdditionalGids, err = parseGids(c.list("additional-gids")); err != nil {
		return o, err
	}
	if c.has("no-new-privs") {
		set := c.on("no-new-privs")
		o.NoNewPrivileges = &set
	}
	return o, nil
}
