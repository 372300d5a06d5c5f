package dev.chancery.core;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;

/** Octets that may be too many for memory; the same ones each time they are read. */
public interface Octets {
  long length();

  /** The octets from the first on; whoever opens them closes them. */
  InputStream open() throws IOException;

  /** Octets in memory; the array must not be changed any more. */
  static Octets of(byte[] octets) {
    return new Octets() {
      @Override
      public long length() {
        return octets.length;
      }

      @Override
      public InputStream open() {
        return new ByteArrayInputStream(octets);
      }
    };
  }
}
