package dev.chancery.server;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Puts one value into a YAML document before it is read, so that it is checked as if it had stood
 * there. A step of the path is a key, or the place in a list counted from 0.
 */
final class YamlOverride {
  private final String path;
  private final Map<Node, String> origins;

  private YamlOverride(String path, Map<Node, String> origins) {
    this.path = path;
    this.origins = origins;
  }

  /**
   * Puts one value.
   *
   * @param origins takes up the nodes that come from here and not from the file, with their path
   */
  static void apply(Node root, String path, String value, Map<Node, String> origins)
      throws ConfigurationInvalid {
    new YamlOverride(path, origins).apply(root, value);
  }

  private void apply(Node root, String value) throws ConfigurationInvalid {
    List<String> steps = List.of(path.split("\\.", -1));
    Node node = root;
    for (String step : steps.subList(0, steps.size() - 1)) {
      node = child(node, step);
    }
    Node parsed = parsed(value);
    mark(parsed);
    put(node, steps.getLast(), parsed);
  }

  private void mark(Node node) {
    if (origins.put(node, path) != null) {
      return; // an alias can make a node contain itself
    }
    switch (node) {
      case MappingNode mapping ->
          mapping
              .getValue()
              .forEach(entry -> {
                mark(entry.getKeyNode());
                mark(entry.getValueNode());
              });
      case SequenceNode sequence -> sequence.getValue().forEach(this::mark);
      default -> {}
    }
  }

  private Node child(Node node, String step) throws ConfigurationInvalid {
    return switch (node) {
      case MappingNode mapping -> value(mapping, step).orElseGet(() -> made(mapping, step));
      case SequenceNode sequence when index(sequence, step).isPresent() ->
          sequence.getValue().get(index(sequence, step).get());
      default -> throw refused("there is no such key");
    };
  }

  /** An empty mapping under this key. */
  private Node made(MappingNode parent, String step) {
    Node made =
        new MappingNode(
            Tag.MAP,
            true,
            new ArrayList<>(),
            parent.getStartMark(),
            parent.getEndMark(),
            DumperOptions.FlowStyle.BLOCK);
    origins.put(made, path);
    parent.getValue().add(entry(parent, step, made));
    return made;
  }

  private NodeTuple entry(Node parent, String step, Node value) {
    Node key =
        new ScalarNode(
            Tag.STR,
            step,
            parent.getStartMark(),
            parent.getEndMark(),
            DumperOptions.ScalarStyle.PLAIN);
    origins.put(key, path);
    return new NodeTuple(key, value);
  }

  private void put(Node node, String step, Node value) throws ConfigurationInvalid {
    switch (node) {
      case MappingNode mapping when !step.isEmpty() -> {
        mapping
            .getValue()
            .removeIf(entry ->
                entry.getKeyNode() instanceof ScalarNode key && key.getValue().equals(step));
        mapping.getValue().add(entry(mapping, step, value));
      }
      case SequenceNode sequence when index(sequence, step).isPresent() ->
          sequence.getValue().set(index(sequence, step).get(), value);
      default -> throw refused("there is no such key");
    }
  }

  static Optional<Node> value(MappingNode mapping, String name) {
    return mapping.getValue().stream()
        .filter(
            entry -> entry.getKeyNode() instanceof ScalarNode key && key.getValue().equals(name))
        .map(NodeTuple::getValueNode)
        .findFirst();
  }

  private static Optional<Integer> index(SequenceNode sequence, String step) {
    return step.matches("[0-9]{1,4}") && Integer.parseInt(step) < sequence.getValue().size()
        ? Optional.of(Integer.valueOf(step))
        : Optional.empty();
  }

  private Node parsed(String value) throws ConfigurationInvalid {
    try {
      Node node = new Yaml(new LoaderOptions()).compose(new StringReader(value));
      if (node == null) {
        throw refused("a value is missing");
      }
      return node;
    } catch (YAMLException e) {
      throw refused("the value is not YAML");
    }
  }

  private ConfigurationInvalid refused(String reason) {
    return new ConfigurationInvalid("--set " + path + ": " + reason);
  }
}
