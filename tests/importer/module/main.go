// Command importer BUNDLE STATE runs a container with runnel's libcontainer. It is a
// module of its own, as a program of another project.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/libcontainer/fault"
)

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	runtime := &libcontainer.Runtime{Root: os.Args[2], Warn: func(text string) { log.Println("warning:", text) }}
	process, err := runtime.Run(ctx, libcontainer.RunOptions{
		CreateOptions: libcontainer.CreateOptions{
			ID: "imported", Bundle: os.Args[1], Stdio: libcontainer.Stdio{Out: os.Stdout, Err: os.Stderr},
		},
	})
	if err != nil {
		log.Fatalf("run: %v (%+v)", err, fault.DetailsOf(err))
	}
	defer process.Close()
	status, err := process.Wait(ctx)
	if err != nil {
		log.Fatalf("wait: %v", err)
	}
	if err := process.Container().Delete(false); err != nil {
		log.Fatalf("delete: %v", err)
	}
	if _, err := runtime.Open("imported"); !errors.Is(err, libcontainer.ErrNotExist) {
		log.Fatalf("after delete: %v", err)
	}
	fmt.Println("exit status", status.Shell())
}
