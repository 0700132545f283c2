package image_test

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/runnel/runnel/image"
)

// Unpack an image into a root file system, and print the process of a config.json.
func ExampleOpen() {
	i, err := image.Open("alpine.tar:latest", "linux/amd64")
	if err != nil {
		log.Fatal(err)
	}
	defer i.Close()
	// Nobody else may enter the directory in which the root file system is.
	if err := os.MkdirAll("bundle", 0o700); err != nil {
		log.Fatal(err)
	}
	if err := os.Mkdir("bundle/rootfs", 0o700); err != nil {
		log.Fatal(err)
	}
	o := image.Options{Squash: os.Geteuid() != 0, Warn: func(text string) { log.Print(text) }}
	if err := i.Unpack(context.Background(), "bundle/rootfs", o); err != nil {
		log.Fatal(err)
	}
	spec, err := i.Spec("bundle/rootfs")
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(spec.Process); err != nil {
		log.Fatal(err)
	}
}
