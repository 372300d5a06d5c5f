package dev.chancery.acme;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.Name;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;
import org.xbill.DNS.hosts.HostsFileParser;

/**
 * What this machine's hosts file says, and DNS for all else. Not by the operating system's own
 * lookup: it can take longer than any validation, cannot be broken off, and does not tell a name
 * that is not there from a resolver that does not answer.
 */
final class SystemAddresses implements HostAddresses {
  private static final Logger LOG = LoggerFactory.getLogger(SystemAddresses.class);

  private final Path hosts;
  private final HostAddresses dns;
  private volatile Reading reading;

  /** What was read of the hosts file, and when it was written, in milliseconds. */
  private record Reading(long written, HostsFileParser lines) {}

  SystemAddresses(Path hosts, HostAddresses dns) {
    this.hosts = hosts;
    this.dns = dns;
    this.reading = new Reading(0, new HostsFileParser(hosts));
  }

  @Override
  public List<InetAddress> find(String host, Duration longest) throws NotFound {
    List<InetAddress> listed = listed(host);
    return listed.isEmpty() ? dns.find(host, longest) : listed;
  }

  /** A parser by itself looks for changes every five minutes only. */
  private HostsFileParser lines() {
    // 0 when there is none.
    long written = hosts.toFile().lastModified();
    Reading last = reading;
    if (last.written() != written) {
      last = new Reading(written, new HostsFileParser(hosts));
      reading = last;
    }
    return last.lines();
  }

  private List<InetAddress> listed(String host) {
    List<InetAddress> listed = new ArrayList<>();
    try {
      Name name = Name.fromString(host + ".");
      HostsFileParser lines = lines();
      lines.getAddressForHost(name, Type.A).ifPresent(listed::add);
      lines.getAddressForHost(name, Type.AAAA).ifPresent(listed::add);
      return listed;
    } catch (TextParseException e) {
      return List.of();
    } catch (IOException e) {
      LOG.warn("the hosts file cannot be read; DNS is asked", e);
      return List.of();
    }
  }
}
