#!/usr/bin/env bats
# Projects of Docker Compose 2, which is built from the Go module proxy.

load lib

setup_file() {
	local newer
	newer=$("$BATS_TEST_DIRNAME/newer" compose 3>&-) || return
	export PATH=$newer:$PATH
	set_up_docker
	export COMPOSE_PROJECT_NAME=test COMPOSE_FILE=$DIR/compose.yaml
	cat >"$COMPOSE_FILE" <<-'END'
		services:
		  server:
		    image: image
		    command: [sh, -c, 'while [ ! -e /data/page ]; do sleep 0.1; done; exec httpd -f -p 8080 -h /data']
		    volumes: [data:/data]
		    networks: [inner]
		    restart: on-failure
		    healthcheck:
		      test: [CMD, wget, -q, -O, /dev/null, 127.0.0.1:8080/page]
		      interval: 1s
		      retries: 30
		  writer:
		    image: image
		    command: [sh, -c, 'echo text >/data/page']
		    volumes: [data:/data]
		    network_mode: none
		  client:
		    image: image
		    command: [sleep, '1000']
		    networks: [inner]
		    depends_on:
		      server: {condition: service_healthy}
		      writer: {condition: service_completed_successfully}
		    mem_limit: 64m
		    read_only: true
		    cap_drop: [ALL]
		volumes: {data: {}}
		networks: {inner: {internal: true}}
	END
}

teardown_file() { tear_down_docker; }

teardown() { compose down --volumes --timeout 0; }

compose() { docker-compose --progress quiet "$@" 3>&- 4>&-; }

@test "services with a network, a volume, a health check and dependencies" {
	compose up --detach --wait --wait-timeout 60 client
	equal "$(compose exec -T client wget -q -O - server:8080/page)" text
	equal "$(compose ps --format '{{.Service}} {{.State}} {{.Health}}' | sort)" $'client running \nserver running healthy'
	equal "$(docker inspect --format '{{.HostConfig.Runtime}}' test-client-1)" tested
	contains "$(compose exec -T client cat /proc/self/status)" $'CapEff:\t0000000000000000'
}

@test "scale, and logs of all" {
	compose up --detach --scale client=3 client
	equal "$(compose ps --quiet client | wc -l)" 3
	compose up --detach --scale client=1 client
	equal "$(compose ps --quiet client | wc -l)" 1
	contains "$(compose ps --all --format '{{.Service}} {{.ExitCode}}')" 'writer 0'
}

@test "a service that is killed is restarted" {
	compose up --detach --wait server writer || true
	local before
	before=$(docker inspect --format '{{.State.Pid}}' test-server-1)
	kill -9 "$before"
	until_true eval '[ "$(docker inspect --format "{{.State.Running}} {{.RestartCount}}" test-server-1)" = "true 1" ]'
	compose restart --timeout 0 server
	equal "$(docker inspect --format '{{.State.Running}}' test-server-1)" true
}

@test "run, and down with its volumes" {
	equal "$(compose run --rm --no-deps client sh -c 'exit 6' || echo $?)" 6
	compose up --detach writer
	compose down --volumes --timeout 0
	equal "$(docker ps -aq; docker volume ls -q)" ''
}
