package dev.chancery.crl;

import dev.chancery.core.Octets;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Octets on their way into a CRL, in a file: their length stands in front of them, and is known
 * only after the last one. The file is gone when this is closed.
 */
final class CrlSpool implements Octets, AutoCloseable {
  private static final int BUFFER = 64 * 1024;

  private final Path file;
  private final OutputStream out;
  private long length;

  private CrlSpool(Path file, OutputStream out) {
    this.file = file;
    this.out = out;
  }

  static CrlSpool in(Path folder) throws IOException {
    Path file = Files.createTempFile(folder, "crl", ".part");
    return new CrlSpool(file, new BufferedOutputStream(Files.newOutputStream(file), BUFFER));
  }

  void add(byte[] octets) throws IOException {
    out.write(octets);
    length += octets.length;
  }

  /** Nothing is added after this. */
  void finish() throws IOException {
    out.close();
  }

  @Override
  public long length() {
    return length;
  }

  @Override
  public InputStream open() throws IOException {
    return Files.newInputStream(file);
  }

  @Override
  public void close() throws IOException {
    try {
      out.close();
    } finally {
      Files.deleteIfExists(file);
    }
  }
}
