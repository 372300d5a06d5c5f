package dev.chancery.server;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code ab}, which posts one OCSP request again and again, each through a connection of its own.
 */
final class ApacheBench {
  private static final int CONNECTIONS = 8;
  private static final int REQUESTS = 10_000;
  private static final int PATIENCE_SECONDS = 5;

  /** Two ECDSA signatures of P-256 differ by less; an answer of tryLater is 5 octets long. */
  private static final int DIFFERENCE = 8;

  private static final int LEAST_LENGTH = 200;

  private ApacheBench() {}

  /** Answers a second of a server that must not hang. */
  static double perSecond(int port, String path, Path request) throws Exception {
    return run(port, path, request)
        .orElseThrow(() -> new IllegalStateException(path + " did not answer"));
  }

  /** Answers a second; empty when the server did not go on. */
  static Optional<Double> run(int port, String path, Path request) throws Exception {
    Process ab =
        new ProcessBuilder(
                List.of(
                    "ab",
                    "-q",
                    "-s",
                    Integer.toString(PATIENCE_SECONDS),
                    "-c",
                    Integer.toString(CONNECTIONS),
                    "-n",
                    Integer.toString(REQUESTS),
                    "-T",
                    "application/ocsp-request",
                    "-p",
                    request.toString(),
                    "http://127.0.0.1:" + port + path))
            .redirectErrorStream(true)
            .start();
    String output = new String(ab.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (ab.waitFor() != 0) {
      if (output.contains("The timeout specified has expired")) {
        return Optional.empty();
      }
      throw new IllegalStateException(path + ": " + output);
    }
    double length = number(output, "Document Length");
    // tryLater has status 200 too, so that the lengths must tell whether all were answers.
    if (number(output, "Complete requests") != REQUESTS
        || output.contains("Non-2xx responses")
        || length < LEAST_LENGTH
        || number(output, "HTML transferred") < REQUESTS * (length - DIFFERENCE)) {
      throw new IllegalStateException(path + ": not only answers: " + output);
    }
    return Optional.of(number(output, "Requests per second"));
  }

  private static double number(String output, String name) {
    Matcher line = Pattern.compile(Pattern.quote(name) + ":\\s+([0-9.]+)").matcher(output);
    if (!line.find()) {
      throw new IllegalStateException("no " + name + ": " + output);
    }
    return Double.parseDouble(line.group(1));
  }
}
