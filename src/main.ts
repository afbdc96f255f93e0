#!/usr/bin/env node
process.stderr.write("enact-guard: not wired yet\n");
process.exitCode = 3;
