package dev.chancery.crl;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A part of a file; goes on being readable when the file is deleted. */
final class FilePart extends InputStream {
  private final FileChannel file;
  private long left;

  FilePart(Path path, ByteRange range) throws IOException {
    this.file = FileChannel.open(path, StandardOpenOption.READ);
    this.file.position(range.first());
    this.left = range.length();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    if (left == 0) {
      return -1;
    }
    int read = file.read(ByteBuffer.wrap(buffer, offset, (int) Math.min(length, left)));
    if (read > 0) {
      left -= read;
    }
    return read;
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
