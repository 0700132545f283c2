/* swap A B exchanges the names A and B as fast as it can, until it is killed or a minute
 * has passed, like an attacker who shares a volume with a container that is being
 * created (CVE-2021-30465). */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: swap A B");
	alarm(60);
	for (;;) {
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0)
			err(1, "exchange %s and %s", argv[1], argv[2]);
	}
}
