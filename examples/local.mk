# SPDX-License-Identifier: MIT

exampledir = $(docdir)/examples
dist_example_DATA =
dist_example_DATA += examples/README.md
dist_example_DATA += examples/client_cert.lua
dist_example_DATA += examples/client_cert_test.lua
dist_example_DATA += examples/demo.lua
dist_example_DATA += examples/demo_test.lua
dist_example_DATA += examples/drain.lua
dist_example_DATA += examples/drain_test.lua
dist_example_DATA += examples/drained.txt
dist_example_DATA += examples/epoch.lua
dist_example_DATA += examples/epoch_test.lua
dist_example_DATA += examples/epochs.txt
dist_example_DATA += examples/flood.lua
dist_example_DATA += examples/flood_test.lua
dist_example_DATA += examples/ftps.lua
dist_example_DATA += examples/ftps_test.lua
dist_example_DATA += examples/leaked_key.lua
dist_example_DATA += examples/leaked_key_test.lua
dist_example_DATA += examples/leaked_keys.txt
dist_example_DATA += examples/max_age.lua
dist_example_DATA += examples/max_age_test.lua
dist_example_DATA += examples/network.lua
dist_example_DATA += examples/network_test.lua
dist_example_DATA += examples/once.lua
dist_example_DATA += examples/once_test.lua
dist_example_DATA += examples/returns_test.lua
dist_example_DATA += examples/revoked.txt
dist_example_DATA += examples/tracking.lua
dist_example_DATA += examples/tracking_test.lua
dist_example_DATA += examples/vhost.lua
dist_example_DATA += examples/vhost_test.lua

# make check builds the embedding, against the library as others see it.
if HAVE_CHECK
check_PROGRAMS += examples/embed/embed
endif
examples_embed_embed_LDADD = libusher.la $(OPENSSL_LIBS)
