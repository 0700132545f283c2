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

func (s *session) spec() *cli.Command {
	return &cli.Command{
		Name:  "spec",
		Usage: "write a config.json to start from",
		Description: `The config runs sh in ./rootfs, in namespaces of its own and with few capabilities.
Edit process.args, and set process.terminal to false where there is no terminal.

   cd bundle && runnel spec`,
		Flags: []cli.Flag{
			bundleFlag(),
			&cli.BoolFlag{Name: "rootless", Usage: "for a user without privileges"},
		},
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 0); err != nil {
				return err
			}
			return writeSpec(filepath.Join(c.String("bundle"), configName), c.Bool("rootless"))
		},
	}
}

func writeSpec(path string, rootless bool) error {
	spec := libcontainer.Example(rootless)
	content, err := json.MarshalIndent(spec, "", "\t")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("File %s exists. Remove it first", configName) //nolint:staticcheck // runc's text
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

func (s *session) features() *cli.Command {
	return &cli.Command{
		Name:  "features",
		Usage: "print what this runtime can do as JSON",
		Description: `The format is that of the runtime specification, features.md. It is about this build, not
about this host.

   runnel features | jq -r '.mountOptions[]'`,
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 0); err != nil {
				return err
			}
			f := libcontainer.Features()
			f.Annotations["com.github.runnel.version"] = s.build.Version
			f.Annotations["com.github.runnel.commit"] = s.build.Commit
			e := json.NewEncoder(s.stdout)
			e.SetIndent("", "    ")
			return e.Encode(f)
		},
	}
}

func (s *session) plan() *cli.Command {
	return &cli.Command{
		Name:  "plan",
		Usage: "print what create would do, and do nothing",
		Description: `One line for each step of the container's process, with the place in config.json that
asks for it. Files are descriptors that the runtime hands to the process.

   runnel plan --bundle /srv/web`,
		Flags: []cli.Flag{
			bundleFlag(),
			&cli.BoolFlag{Name: "no-pivot", Usage: "as for create"},
		},
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 0); err != nil {
				return err
			}
			r, err := s.runtime(c)
			if err != nil {
				return err
			}
			p, err := r.Plan(c.String("bundle"), c.Bool("no-pivot"))
			if err != nil {
				return err
			}
			return p.Print(s.stdout)
		},
	}
}
