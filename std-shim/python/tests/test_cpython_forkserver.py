import suite

suite.install(globals(), "forkserver")
