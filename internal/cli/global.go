package cli

import "github.com/urfave/cli/v2"

const defaultRoot = "/run/runnel"

// globalFlags returns the flags that stand before or after the command, except for
// --help and --version, which the library adds.
func globalFlags() []cli.Flag {
	return withNames([]cli.Flag{
		&cli.BoolFlag{Name: "debug", Usage: "enable debug logging, whatever --log-level says"},
		&cli.StringFlag{Name: "log", Usage: "append the log to `FILE`, or send it to journald:[NAME] or syslog:[NAME]", DefaultText: "stderr"},
		&cli.StringFlag{
			Name: "log-level", Usage: "log nothing below `LEVEL`: error, warn, info or debug",
			DefaultText: "info, or warn on stderr",
		},
		&cli.StringFlag{Name: "log-format", Usage: "set the log `FORMAT`: text or json", Value: "text", DefaultText: "text"},
		&cli.StringFlag{
			Name: "root", Usage: "keep the state of containers in `DIR`",
			DefaultText: defaultRoot + ", for ordinary users $XDG_RUNTIME_DIR/runnel",
		},
		&cli.BoolFlag{Name: "systemd-cgroup", Usage: "create cgroups through systemd; cgroupsPath is slice:prefix:name"},
		&cli.StringFlag{
			Name: "cgroup-manager", Usage: "choose the cgroup `MANAGER`: cgroupfs, systemd, or disabled for no cgroups",
			DefaultText: "cgroupfs",
		},
		&cli.StringFlag{
			Name: "rootless", Usage: "ignore cgroup permission errors if `MODE` is true, or auto and the user is not root",
			Value: "auto", DefaultText: "auto",
		},
		&cli.StringFlag{Name: "trace", Usage: "write to `FILE` what the command did and how long each part took"},
		&cli.StringFlag{Name: "trace-format", Usage: "set the `FORMAT` of the trace: chrome, otlp or html", DefaultText: "by the suffix .otlp or .html, else chrome"},
		&cli.StringFlag{Name: "criu", Hidden: true, Usage: "accepted and ignored: `PATH`"},
	})
}
