package specconv

// The names of the files that a plan expects from whoever starts its process, besides
// those of Input.CgroupFiles: nsenter.Options has their descriptors by name.
const (
	StartFile         = "start"          // the listening socket for the start command
	ConsoleFile       = "console"        // the socket that the terminal's master goes to
	ProcessFile       = "process"        // a pidfd of the container's init, for Exec
	UserFile          = "ns user"        // the container's user namespace, for AddMounts and RemoveMount
	MountsFile        = "ns mount"       // its mount namespace, for the same
	CreatingStateFile = "state-creating" // the container's state, for hooks at create
	CreatedStateFile  = "state-created"  // the same for hooks at start
)
