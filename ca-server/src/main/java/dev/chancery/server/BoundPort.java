package dev.chancery.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.ServerSocketChannel;

/**
 * A listening socket that is taken before anything else is done, so that a port in use stops the
 * start at once and a port of 0 is known before URLs are made of it. Connections wait in its
 * backlog until a listener serves them.
 */
record BoundPort(String key, ServerSocketChannel channel) implements AutoCloseable {
  private static final int BACKLOG = 512;

  /**
   * Binds.
   *
   * @param key the configuration key of the listener, for the refusal
   */
  static BoundPort bind(String key, Configuration.ListenerSection listener)
      throws ConfigurationInvalid {
    String where = "listeners." + key + ": " + listener.host() + ":" + listener.port();
    try {
      ServerSocketChannel channel = ServerSocketChannel.open();
      try {
        channel.bind(
            new InetSocketAddress(InetAddress.getByName(listener.host()), listener.port()),
            BACKLOG);
        return new BoundPort(key, channel);
      } catch (IOException e) {
        channel.close();
        throw e;
      }
    } catch (UnknownHostException e) {
      throw new ConfigurationInvalid(where + ": there is no such host");
    } catch (IOException e) {
      throw new ConfigurationInvalid(where + ": cannot listen: " + e.getMessage());
    }
  }

  int port() {
    return channel.socket().getLocalPort();
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      // The socket goes with the process at the latest.
    }
  }
}
