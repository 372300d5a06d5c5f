package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@DisplayName("What a client sends")
@Execution(ExecutionMode.CONCURRENT)
class UploadTest {
  @Test
  @DisplayName("is read to its end, and refused when there is more than may be")
  void length() throws IOException {
    byte[] octets = new byte[20_000];
    octets[19_999] = 1;

    assertThat(Upload.read(new ByteArrayInputStream(octets), 20_000)).isEqualTo(octets);
    assertThatThrownBy(() -> Upload.read(new ByteArrayInputStream(octets), 19_999))
        .isInstanceOf(Upload.TooLong.class)
        .hasMessageContaining("19999 octets");
  }

  @Test
  @DisplayName("that drips in is given up after ten seconds, though it is never idle")
  void slow() {
    long start = System.nanoTime();
    InputStream dripping =
        new InputStream() {
          @Override
          public int read() throws IOException {
            try {
              Thread.sleep(100);
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
            return 'a';
          }

          @Override
          public int read(byte[] into, int offset, int length) throws IOException {
            into[offset] = (byte) read();
            return 1;
          }
        };

    assertThatThrownBy(() -> Upload.read(dripping, 1000)).isInstanceOf(Upload.TooSlow.class);
    assertThat(System.nanoTime() - start).isGreaterThan(Upload.LONGEST.toNanos());
  }

  @Test
  @DisplayName("that breaks is an IOException, however the web server reports it")
  void broken() {
    InputStream broken =
        new InputStream() {
          @Override
          public int read() {
            throw new IllegalStateException("a broken chunk");
          }

          @Override
          public int read(byte[] into, int offset, int length) {
            return read();
          }
        };

    assertThatThrownBy(() -> Upload.read(broken, 10)).isInstanceOf(IOException.class);
  }
}
