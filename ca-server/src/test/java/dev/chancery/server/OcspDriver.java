package dev.chancery.server;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Sends requests over connections that stay open, each when the one before it is answered; a
 * process of its own for {@link OcspBenchmark}. Prints how many a second, and how many were not
 * answered with 200.
 */
final class OcspDriver {
  private OcspDriver() {}

  private record Counted(long answers, long failures) {}

  /** Arguments: port, path, file of requests of equal length, that length, clients, seconds. */
  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[0]);
    byte[] requests = Files.readAllBytes(Path.of(arguments[2]));
    int length = Integer.parseInt(arguments[3]);
    int clients = Integer.parseInt(arguments[4]);
    double seconds = Double.parseDouble(arguments[5]);
    byte[] head =
        ("POST "
                + arguments[1]
                + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/ocsp-request\r\n"
                + "Content-Length: "
                + length
                + "\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII);
    long start = System.nanoTime();
    long end = start + (long) (seconds * 1e9);
    try (ExecutorService threads = Executors.newFixedThreadPool(clients)) {
      List<Future<Counted>> running = new ArrayList<>();
      for (int i = 0; i < clients; i++) {
        int first = i;
        Callable<Counted> client =
            () -> send(port, head, requests, length, first, clients, seconds == 0, end);
        running.add(threads.submit(client));
      }
      long answers = 0;
      long failures = 0;
      for (Future<Counted> each : running) {
        answers += each.get().answers();
        failures += each.get().failures();
      }
      System.out.printf(
          "%.1f %d%n", (answers - failures) / ((System.nanoTime() - start) / 1e9), failures);
    }
  }

  /** Goes round through the requests until the end, or once. */
  private static Counted send(
      int port,
      byte[] head,
      byte[] requests,
      int length,
      int first,
      int step,
      boolean once,
      long end)
      throws IOException {
    int count = requests.length / length;
    long answers = 0;
    long failures = 0;
    byte[] buffer = new byte[64 * 1024];
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setTcpNoDelay(true);
      OutputStream out = socket.getOutputStream();
      InputStream in = new BufferedInputStream(socket.getInputStream());
      byte[] request = new byte[head.length + length];
      System.arraycopy(head, 0, request, 0, head.length);
      for (int i = first; once ? i < count : System.nanoTime() < end; i += step) {
        System.arraycopy(requests, i % count * length, request, head.length, length);
        out.write(request);
        out.flush();
        answers++;
        if (!isAnswered(in, buffer)) {
          failures++;
        }
      }
    }
    return new Counted(answers, failures);
  }

  /** Reads one answer; whether it is a whole OCSP answer and not five octets that say why not. */
  private static boolean isAnswered(InputStream in, byte[] buffer) throws IOException {
    int length = -1;
    boolean ok = false;
    for (boolean first = true; ; first = false) {
      String line = line(in, buffer);
      if (first) {
        ok = line.startsWith("HTTP/1.1 200");
      } else if (line.isEmpty()) {
        break;
      } else if (line.regionMatches(true, 0, "Content-Length:", 0, 15)) {
        length = Integer.parseInt(line.substring(15).strip());
      }
    }
    if (length < 0 || in.readNBytes(buffer, 0, length) != length) {
      throw new IOException("an answer without a length");
    }
    return ok && length > 100;
  }

  private static String line(InputStream in, byte[] buffer) throws IOException {
    int length = 0;
    for (int octet = in.read(); octet != '\n'; octet = in.read()) {
      if (octet < 0) {
        throw new IOException("the connection ended");
      }
      buffer[length++] = (byte) octet;
    }
    return new String(buffer, 0, length, StandardCharsets.ISO_8859_1).strip();
  }
}
