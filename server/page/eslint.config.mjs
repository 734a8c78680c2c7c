// What is held of the page's code beside its format, which is prettier's.

import js from '@eslint/js';
import globals from 'globals';

const MARKUP = 'Text goes in as text: what a probe says can never become markup.';

export default [
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: { ecmaVersion: 2024, globals: globals.browser },
    rules: {
      eqeqeq: 'error',
      'max-len': ['error', { code: 120 }],
      'max-lines': ['error', { max: 380 }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'no-shadow': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML'].map((property) => ({
          property,
          message: MARKUP,
        })),
      ],
    },
  },
  {
    files: ['test/**'],
    // What a test hands to the browser is written among what node runs.
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    // Probes are called what they like there, and a suite is one function.
    rules: { 'no-restricted-properties': 'off', 'max-lines-per-function': 'off' },
  },
];
