package words

// KeepGroupsAnnotation is crun's annotation with which a container's processes keep the
// supplementary groups of the runtime's caller, and get none of the config. Any value sets
// it. podman writes it for --group-add keep-groups: in a user namespace these groups can't
// be named, but files remain accessible by them.
const KeepGroupsAnnotation = "run.oci.keep_original_groups"
