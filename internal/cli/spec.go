package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

const configName = "config.json"

func specCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "spec", Category: bundles, Usage: "write an example config.json",
			Description: `The configuration runs sh in ./rootfs, with a terminal, in new namespaces and with few
capabilities. Edit process.args to run another program, and set process.terminal to
false if there is no terminal. With --seccomp, system calls that few programs need are
refused. An existing file is not overwritten.`,
			Flags: []cli.Flag{
				bundleFlag(),
				&cli.StringFlag{
					Name: "file", Aliases: []string{"f"}, Value: configName, DefaultText: configName,
					Usage: "write to `FILE`, relative to the bundle, for --config of other commands",
				},
				&cli.BoolFlag{Name: "rootless", Usage: "write a configuration for an ordinary user"},
				&cli.BoolFlag{Name: "seccomp", Usage: "include a seccomp profile that suits most programs"},
			},
			Action: s.spec,
		},
		Example: "cd hello && runnel spec",
	}
}

func (s *session) spec(c *cli.Context) error {
	config := libcontainer.Example(c.Bool("rootless"))
	if c.Bool("seccomp") {
		config.Linux.Seccomp = libcontainer.SeccompProfile()
	}
	content, err := json.MarshalIndent(config, "", "\t")
	if err != nil {
		return err
	}
	path := c.String("file")
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.String("bundle"), path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		//lint:ignore ST1005 runc's text
		return misuse(fmt.Errorf("File %s exists. Remove it first", c.String("file")))
	}
	if err != nil {
		return err
	}
	_, err = f.Write(append(content, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path)) // an incomplete file would be worse than none
	}
	s.debugf("spec: %s is written, %d bytes", path, len(content)+1)
	return nil
}
