/* climb PATH leaves its root directory, if the kernel lets it: a process whose working
 * directory is outside of its root can follow "..". It prints "found" if PATH exists
 * where it arrives, "not found" otherwise. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2 || (mkdir("/tmp/inner", 0755) < 0 && chdir("/tmp/inner") < 0) || chdir("/") < 0 ||
	    chroot("/tmp/inner") < 0) {
		perror("climb");
		return 1;
	}
	for (int i = 0; i < 100; i++)
		if (chdir("..") < 0)
			break;
	if (chroot(".") < 0) {
		perror("climb");
		return 1;
	}
	puts(access(argv[1], F_OK) == 0 ? "found" : "not found");
	return 0;
}
