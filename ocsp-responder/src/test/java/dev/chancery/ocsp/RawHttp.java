package dev.chancery.ocsp;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/** A GET that puts a path on the wire exactly as it is given. */
final class RawHttp {
  /** A reply with its headers, one character an octet. */
  record Reply(String text) {
    int status() {
      return Integer.parseInt(text.substring(9, 12));
    }

    byte[] body() {
      return text.substring(text.indexOf("\r\n\r\n") + 4).getBytes(StandardCharsets.ISO_8859_1);
    }
  }

  private RawHttp() {}

  static Reply get(String url, String path) throws IOException {
    URI uri = URI.create(url);
    try (Socket socket = new Socket(uri.getHost(), uri.getPort())) {
      socket.setSoTimeout(10_000);
      String request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      return new Reply(
          new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1));
    }
  }
}
