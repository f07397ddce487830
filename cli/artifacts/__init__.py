"""What is uploaded: archives in S3, images in ECR, under names that say their content.

May import packing, settings and aws. Never decides what is packed, and never touches a stack.
"""
