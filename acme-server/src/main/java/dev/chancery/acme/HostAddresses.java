package dev.chancery.acme;

import java.net.InetAddress;
import java.time.Duration;
import java.util.List;

/** Finds the addresses of a host that a validation connects to. */
interface HostAddresses {
  /**
   * Looks a host name up; at least one address comes back.
   *
   * @param longest after which the lookup is given up
   */
  List<InetAddress> find(String host, Duration longest) throws NotFound;

  /** No address is known; it says why, for the client. */
  final class NotFound extends Exception {
    private static final long serialVersionUID = 1L;

    private final String why;
    private final boolean unknown;

    NotFound(String why) {
      this(why, false);
    }

    /**
     * @param unknown whether there may be one, but none could be asked for
     */
    NotFound(String why, boolean unknown) {
      super(why, null, false, false);
      this.why = why;
      this.unknown = unknown;
    }

    boolean unknown() {
      return unknown;
    }

    String why() {
      return why;
    }
  }
}
