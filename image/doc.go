// Package image makes bundles from container images: it reads an OCI image layout, which is
// a directory or a tar archive, or the archive of "docker save" and "podman save", unpacks
// the layers into a root file system, and translates the image's config to the process of a
// config.json.
//
// It trusts nothing of the image. Every blob is compared with its digest before the result
// counts, and every path is resolved below a descriptor of the root file system, with
// symbolic links in it. It makes no device nodes unless it is told to, and stops at limits
// of size.
//
// No command of the runtime links this package, because the decompressors and the types of
// the image specification cost each start more than a million instructions. Program
// runnel-image below it does, which "runnel spec --from-image" executes.
package image
