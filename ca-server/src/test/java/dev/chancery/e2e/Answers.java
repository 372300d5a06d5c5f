package dev.chancery.e2e;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** The answers to challenges, by token; who asks for one that is not there yet waits for it. */
final class Answers {
  // Less than any server waits for the web server that it validates.
  private static final int SECONDS = 4;

  private final Map<String, CompletableFuture<String>> given = new ConcurrentHashMap<>();

  void give(String token, String answer) {
    future(token).complete(answer);
  }

  /** The answer, or nothing when it does not come in time. */
  String await(String token) {
    return future(token).completeOnTimeout("", SECONDS, TimeUnit.SECONDS).join();
  }

  private CompletableFuture<String> future(String token) {
    return given.computeIfAbsent(token, unknown -> new CompletableFuture<>());
  }
}
