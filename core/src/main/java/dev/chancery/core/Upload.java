package dev.chancery.core;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/** What a client sends to be read as a whole: octets that are few enough and come soon enough. */
public final class Upload {
  /** How long one may take to arrive. */
  public static final Duration LONGEST = Duration.ofSeconds(10);

  private static final int PART = 8 * 1024;

  private Upload() {}

  /** There are more octets than may be. */
  public static final class TooLong extends IOException {
    private static final long serialVersionUID = 1L;

    private TooLong(int most) {
      super("a request may have " + most + " octets at most");
    }
  }

  /** The octets have not all come in time. */
  public static final class TooSlow extends IOException {
    private static final long serialVersionUID = 1L;

    private TooSlow() {
      super("a request may take " + LONGEST.toSeconds() + " seconds at most to arrive");
    }
  }

  /**
   * Reads to the end, and closes the input. A read that waits is not interrupted: the connection's
   * own limit on silence has to end it.
   *
   * @param most how many octets there may be
   * @throws TooLong when there are more
   * @throws TooSlow when they take longer than {@link #LONGEST}
   * @throws IOException when they cannot be read
   */
  public static byte[] read(InputStream input, int most) throws IOException {
    // Counted while reading: a chunked body announces no length. And timed, since whoever sends an
    // octet now and then is never idle.
    long start = System.nanoTime();
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    byte[] part = new byte[PART];
    try (input) {
      for (int count = input.read(part); count >= 0; count = input.read(part)) {
        body.write(part, 0, count);
        if (body.size() > most) {
          throw new TooLong(most);
        }
        if (System.nanoTime() - start > LONGEST.toNanos()) {
          throw new TooSlow();
        }
      }
      return body.toByteArray();
    } catch (RuntimeException e) {
      // Jetty reports a broken chunk by an unchecked exception.
      throw new IOException("the body could not be read", e);
    }
  }
}
